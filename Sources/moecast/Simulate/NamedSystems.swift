import ArgumentParser
import RoutingTrace
import Wafer

/// The systems named by `--wafer`, each with what `--set` changes; says on standard error which
/// figures nobody gave.
///
/// - Parameter overrides: `key=value` each.
/// - Throws: `HardwareError` where one is unknown, cannot be read, or has no such key.
func systems(_ names: String, overrides: [String]) throws -> [SystemDescription] {
  let names = try commaSeparated(names, "--wafer", "shipped systems or JSON files") { $0 }
  return try names.map { name in
    var system = try SystemDescription(named: name)
    for override in overrides { try system.apply(override: override) }
    try system.check()
    if let remark = system.remark { complain("moecast: \(name): \(remark)") }
    return system
  }
}

extension SystemDescription {
  /// Which figures were taken from a base that the description does not name; nil for none.
  fileprivate var remark: String? {
    guard !namesBase, !inherited.isEmpty else { return nil }
    let values = hardware.values.filter { inherited.contains($0.key) }
    return "not given, so as in \(base): "
      + values.map { "\($0.key)=\($0.value.text)" }.joined(separator: ", ")
  }

  /// The whole system for programs: every key's value, and which of them are the base's.
  var report: Value {
    var members = Self.members(hardware.values)
    members["base"] = .text(base)
    members["inherited"] = .list(inherited.map(Value.text))
    return .object(members)
  }

  private static func members(_ values: [(key: String, value: HardwareValue)]) -> [String: Value] {
    var members: [String: Value] = [:]
    for (key, value) in values {
      members[key] =
        switch value {
        case .number(let number): .number(number)
        case .text(let text): .text(text)
        case .tiers(let tiers): .list(tiers.map { .object(Self.members($0.values)) })
        }
    }
    return members
  }
}

extension HardwareValue {
  fileprivate var text: String {
    switch self {
    case .number(let number): "\(number)"
    case .text(let text): text
    case .tiers(let tiers): tiers.map(\.name).joined(separator: ",")
    }
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

/// The model that `--shape` names, else the one that the traces name.
///
/// - Throws: `TraceError` where that is no known one.
func simulatedModel(
  _ shape: String?, of trace: TraceShape, in traces: [String]
) throws -> ModelShape {
  guard let model = ModelShape.named(shape ?? trace.model) else {
    throw TraceError(
      .shapeMismatch, file: traces.first ?? "-", problem: "it does not name a known model",
      remedy: "add --shape, one of " + ModelShape.known.map(\.name).joined(separator: ", "))
  }
  return model
}

/// What to say of systems in a page of help.
let systemsHelp = """
  Systems: \(Hardware.shippedNames.joined(separator: ", ")), or a JSON file with these keys: \
  \(Hardware.keys.joined(separator: ", ")). A file with "base": "dojo" is that system but for what \
  it says.
  """
