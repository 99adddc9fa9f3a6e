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

/// The values of an enum, for help and errors.
func names<Choice: RawRepresentable<String> & CaseIterable>(_: Choice.Type) -> String {
  Choice.allCases.map(\.rawValue).joined(separator: ", ")
}

/// The values of a comma-separated option.
///
/// - Throws: `ValidationError` naming the option and what it takes.
func commaSeparated<Value>(
  _ text: String, _ option: String, _ wanted: String, _ parse: (String) -> Value?
) throws -> [Value] {
  let words = text.split(separator: ",").map(String.init)
  guard !words.isEmpty else { throw ValidationError("\(option) is empty; give \(wanted)") }
  return try words.map { word in
    guard let value = parse(word) else {
      throw ValidationError("\(option) '\(word)' is none of \(wanted)")
    }
    return value
  }
}

/// Refuses options that the run would not heed.
///
/// - Parameters:
///   - options: their names, each with whether it was given.
///   - isHeeded: whether the run heeds them.
///   - reason: why it does not.
/// - Throws: `ValidationError` naming the first that was given.
func refuse(
  _ options: [(name: String, isGiven: Bool)], unless isHeeded: Bool, _ reason: String
) throws {
  guard !isHeeded, let idle = options.first(where: \.isGiven) else { return }
  throw ValidationError("\(idle.name) would do nothing: \(reason)")
}

extension WeightFormat: ExpressibleByArgument {}
extension BaseRule: ExpressibleByArgument {}
extension HomePlacement: ExpressibleByArgument {}
extension AllocationOptions.Cost: ExpressibleByArgument {}
extension EventEngine.Order: ExpressibleByArgument {}
extension EvictionPolicy: ExpressibleByArgument {}
