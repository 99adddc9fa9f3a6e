import PathText
import Spelling
import SystemPackage

/// A system as it was described: its figures, and which of them nobody gave.
///
/// ```swift
/// var system = try SystemDescription(file: "mine.json")
/// try system.apply(override: "rows=7")
/// print(system.hardware.dies, system.inherited)
/// ```
public struct SystemDescription: Hashable, Sendable {
  /// The system.
  public private(set) var hardware: Hardware
  /// The shipped system whose figures stand where the description has none.
  public let base: String
  /// Whether the description names its base; else ``inherited`` figures are guesses that the user
  /// should hear of.
  public let namesBase: Bool
  /// The keys that matter to the system and that the description leaves to ``base``.
  public var inherited: [String] {
    Hardware.table.filter { !given.contains($0.name) && $0.matters(to: hardware) }.map(\.name)
  }
  private var given: Set<String>

  /// Applies one `key=value` override; call ``check()`` after the last.
  ///
  /// - Throws: ``HardwareError`` as ``Hardware/apply(override:)``.
  public mutating func apply(override: String) throws(HardwareError) {
    given.insert(try hardware.apply(override: override))
  }

  /// Holds the figures against each other, which overrides change one by one.
  ///
  /// - Throws: ``HardwareError`` with ``Hardware/problem``.
  public func check() throws(HardwareError) {
    if let problem = hardware.problem { throw HardwareError(problem) }
  }

  /// The shipped system of this name, or what the JSON file at this path describes.
  ///
  /// - Throws: ``HardwareError``, also where it is neither.
  public init(named name: String) throws(HardwareError) {
    guard let json = Hardware.shippedFile(name) else {
      try self.init(file: name)
      return
    }
    try self.init(json: json, from: name)
  }

  /// Reads the JSON file at `path`.
  ///
  /// - Throws: ``HardwareError``, also where it cannot be read.
  public init(file path: String) throws(HardwareError) {
    let shipped = "shipped systems are \(Hardware.shippedNames.joined(separator: ", "))"
    let bytes: [UInt8]
    do {
      bytes = try firstBytes(of: FilePath(text: path), count: Self.maximumFileBytes + 1)
    } catch .noSuchFileOrDirectory {
      let near = likely(path.lowercased(), among: Hardware.shippedNames).first
      let meant = near.map { "; did you mean \($0)?" } ?? ""
      throw HardwareError("\(path): no shipped system and no file\(meant); \(shipped)")
    } catch {
      throw HardwareError("\(path): cannot be read: \(error); \(shipped)")
    }
    guard bytes.count <= Self.maximumFileBytes else {
      throw HardwareError("\(path): too large for a hardware file")
    }
    try self.init(json: bytes, from: path)
  }

  /// Bytes that a hardware file may have.
  private static let maximumFileBytes = 1 << 20

  /// Reads a flat JSON object of ``Hardware/keys``, and `base`: the shipped system whose figures
  /// stand where the file has none. Without a base the keys that nobody can guess must be there;
  /// the others are Dojo's, and ``inherited`` names them.
  ///
  /// - Parameter source: The file's name, for errors, and for the system where it has no name of its
  ///   own.
  /// - Throws: ``HardwareError`` naming `source`, the line and the key at fault.
  public init(json: [UInt8], from source: String) throws(HardwareError) {
    let members = try HardwareText.members(of: json, from: source)
    let named = members.first { $0.key == Self.baseKey }
    hardware = try Self.base(named, from: source)
    base = named == nil ? Self.standardBase : hardware.name
    namesBase = named != nil
    hardware.name = Self.name(of: source)
    hardware.description = ""
    given = []
    for member in members where member.key != Self.baseKey {
      do { try hardware.set(member.key, to: member.value) } catch {
        throw HardwareError("\(source), line \(member.line): \(error)")
      }
      given.insert(member.key)
    }
    let missing = Hardware.table.filter {
      $0.isNeeded && $0.matters(to: hardware) && !given.contains($0.name)
    }
    guard namesBase || missing.isEmpty else {
      throw HardwareError(
        "\(source): it does not say \(missing.map(\.name).joined(separator: ", ")); add them, or"
          + " name the shipped system that it changes: \"base\": \"\(Self.standardBase)\"")
    }
    if let problem = hardware.problem { throw HardwareError("\(source): \(problem)") }
  }

  /// The key of a file that names its base.
  static let baseKey = "base"
  /// Whose figures stand where a file without a base leaves out what may be guessed.
  private static let standardBase = "dojo"

  private static func base(
    _ member: HardwareMember?, from source: String
  ) throws(HardwareError) -> Hardware {
    guard let member else { return Hardware() }
    guard case .text(let name) = member.value, let base = try Hardware.shipped(name) else {
      throw HardwareError(
        "\(source), line \(member.line): base must be one of"
          + " \(Hardware.shippedNames.joined(separator: ", "))")
    }
    return base
  }

  /// A file's name without folders and `.json`.
  private static func name(of source: String) -> String {
    FilePath(text: source).stem ?? "custom"
  }
}

extension Hardware {
  /// The shipped system called `name`, or nil.
  ///
  /// - Throws: ``HardwareError`` if the shipped file is damaged.
  public static func shipped(_ name: String) throws(HardwareError) -> Hardware? {
    guard let json = shippedFile(name) else { return nil }
    return try Hardware(json: json, from: name)
  }

  /// Reads a hardware file, as ``SystemDescription/init(json:from:)``.
  public init(json: [UInt8], from source: String) throws(HardwareError) {
    self = try SystemDescription(json: json, from: source).hardware
  }
}
