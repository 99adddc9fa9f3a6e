import ArgumentParser
import PathText
import RoutingTrace
import SystemPackage
import Wafer

/// What is changed of systems, and whether they may leave anything out.
struct SystemOverrides: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Override of a system's key, with a unit if you like (hbm_bandwidth=3.35TB/s); repeatable.
      """, valueName: "key=value"))
  var set: [String] = []

  @Flag(help: "Refuse a hardware file that leaves figures to defaults.")
  var strict = false
}

/// The systems named by `--wafer`, each with what `--set` changes; says on standard error which
/// figures nobody gave.
///
/// - Parameters:
///   - overrides: `key=value` each.
///   - isStrict: whether figures that nobody gave are refused.
/// - Throws: `ValidationError` where one is unknown, or an override cannot be; `HardwareError` where
///   a file cannot be read, or leaves out what it may not.
func systems(
  _ names: String, overrides: [String], strict isStrict: Bool = false
) throws -> [SystemDescription] {
  let names = try commaSeparated(names, "--wafer", "shipped systems or JSON files") { $0 }
  return try names.map { name in
    var system: SystemDescription
    do { system = try SystemDescription(named: name) } catch {
      // Neither a system's name nor a file's: a word that was mistyped.
      if (try? FilePath(text: name).stat()) == nil { throw ValidationError("--wafer \(error)") }
      throw error
    }
    do {
      for override in overrides { try system.apply(override: override) }
      try system.check()
    } catch {
      throw ValidationError("--set: \(error)")
    }
    if let remark = system.remark {
      guard !isStrict else { throw IncompleteSystem(name: name, remark: remark) }
      complain("moecast: \(name): \(remark)")
    }
    return system
  }
}

/// A hardware file that leaves figures out, where `--strict` wants all of them.
struct IncompleteSystem: Error, CustomStringConvertible {
  let name: String
  let remark: String

  var description: String {
    "\(name): \(remark); add these keys, or name the system that it changes with \"base\", or leave"
      + " --strict out"
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
      "--shape '\(name)' is unknown"
        + (nearShapes(name) ?? "; known are " + ModelShape.names.joined(separator: ", ")))
  }
  return model
}

/// What to say of a shape that is near a known one; nil where none is.
func nearShapes(_ name: String) -> String? {
  let near = meant(name, among: ModelShape.names)
  return near.isEmpty ? nil : near + " `moecast list shapes` names all"
}

extension ModelShape {
  /// The names of all known shapes, those of models that are shaped like another too.
  static var names: [String] { known.map(\.name) + sameShapes.keys.sorted() }
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
