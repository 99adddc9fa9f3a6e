import ArgumentParser
import RoutingTrace
import Wafer

/// The systems named by `--wafer`, each with what `--set` changes.
///
/// - Parameter overrides: `key=value` each.
/// - Throws: `HardwareError` where one is unknown, cannot be read, or has no such key.
func systems(_ names: String, overrides: [String]) throws -> [Hardware] {
  let names = try commaSeparated(names, "--wafer", "shipped systems or JSON files") { $0 }
  return try names.map { name in
    var hardware = try Hardware.shipped(name) ?? Hardware(file: name)
    for override in overrides { try hardware.apply(override: override) }
    return hardware
  }
}

/// The shape that `--shape` names.
///
/// - Throws: `ValidationError` with the known ones where it is none of them.
func modelShape(_ name: String) throws -> ModelShape {
  guard let model = ModelShape.named(name) else {
    throw ValidationError(
      "--shape '\(name)' is unknown; known are "
        + ModelShape.known.map(\.name).joined(separator: ", "))
  }
  return model
}

/// What to say of systems in a page of help.
let systemsHelp = """
  Systems: \(Hardware.shippedNames.joined(separator: ", ")), or a JSON file with these keys: \
  \(Hardware.keys.joined(separator: ", ")).
  """
