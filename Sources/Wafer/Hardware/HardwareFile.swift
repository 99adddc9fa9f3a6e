import PathText
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Hardware {
  /// The systems that need no file, in the order in which they are shown.
  public static let shippedNames = ["dojo", "sow", "dojo-enhanced", "pcie-1", "nvlink-8"]

  /// The shipped system called `name`, or nil.
  ///
  /// - Throws: ``HardwareError`` if the shipped file is damaged.
  public static func shipped(_ name: String) throws(HardwareError) -> Hardware? {
    let json: [UInt8]
    switch name.lowercased() {
    case "dojo": json = PackageResources.dojo_json
    case "sow", "tsmc-sow": json = PackageResources.sow_json
    case "dojo-enhanced": json = PackageResources.dojo_enhanced_json
    case "pcie-1": json = PackageResources.pcie_1_json
    case "nvlink-8": json = PackageResources.nvlink_8_json
    default: return nil
    }
    return try Hardware(json: json, from: name)
  }

  /// Reads a flat JSON object of ``keys``; what it leaves out stays as in Dojo.
  ///
  /// - Parameter source: The file's name, for errors.
  /// - Throws: ``HardwareError`` naming `source` and the key at fault.
  public init(json: [UInt8], from source: String) throws(HardwareError) {
    let values: [String: HardwareValue]
    do {
      values = try JSONDecoder().decode([String: HardwareValue].self, from: Data(json))
    } catch let DecodingError.typeMismatch(_, context) {
      let key = context.codingPath.first.map { " at '\($0.stringValue)'" } ?? ""
      throw HardwareError("\(source): expected one flat object of numbers and texts\(key)")
    } catch {
      throw HardwareError("\(source): not valid JSON")
    }
    self.init()
    do {
      for key in Self.keys {
        if let value = values[key] { try set(key, to: value) }
      }
      if let unknown = values.keys.filter({ !Self.keys.contains($0) }).min() {
        try set(unknown, to: .text(""))
      }
    } catch { throw HardwareError("\(source): \(error)") }
  }
}

extension HardwareValue: Decodable {
  /// A number where the file has one, else a text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else {
      self = .text(try container.decode(String.self))
    }
  }
}

extension Hardware {
  /// Bytes that a hardware file may have.
  static let maximumFileBytes = 1 << 20

  /// Reads the JSON file at `path`.
  ///
  /// - Throws: ``HardwareError``, also where `path` is neither a shipped name nor a readable file.
  public init(file path: String) throws(HardwareError) {
    let shipped = Self.shippedNames.joined(separator: ", ")
    let bytes: [UInt8]
    do {
      bytes = try firstBytes(of: FilePath(text: path), count: Self.maximumFileBytes + 1)
    } catch .noSuchFileOrDirectory {
      throw HardwareError("\(path): no shipped system and no file; shipped are \(shipped)")
    } catch {
      throw HardwareError("\(path): cannot be read: \(error); shipped systems are \(shipped)")
    }
    guard bytes.count <= Self.maximumFileBytes else {
      throw HardwareError("\(path): too large for a hardware file")
    }
    try self.init(json: bytes, from: path)
  }
}
