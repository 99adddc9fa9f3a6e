import Archive
import PathText
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The bytes of a file that may be a placement, as formats look at them.
public struct PlacementInput: Sendable {
  /// The file's name, for messages.
  let source: String
  let bytes: [UInt8]

  /// Bytes that a file may have.
  private static let mostBytes = 1 << 26

  init(_ bytes: [UInt8], from source: String) { (self.bytes, self.source) = (bytes, source) }

  init(file path: String) throws(PlacementError) {
    do {
      bytes = try firstBytes(of: FilePath(text: path), count: Self.mostBytes + 1)
    } catch {
      throw PlacementError(
        "\(path): cannot be read: \(error)", remedy: "name a placement's file")
    }
    guard bytes.count <= Self.mostBytes else {
      throw PlacementError(
        "\(path): too large for a placement", remedy: "name a placement's file")
    }
    source = path
  }

  /// Whether it is one of `torch.save`, or any other zip archive.
  var isArchive: Bool { bytes.starts(with: Array("PK".utf8)) }

  /// Whether it begins as a JSON value does that can be a placement.
  var isJSON: Bool {
    let blanks: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]
    return bytes.first { !blanks.contains($0) }.map { $0 == UInt8(ascii: "{") } ?? false
  }

  /// Whether a text stands in it anywhere.
  func mentions(_ text: String) -> Bool {
    let wanted = Array(text.utf8)
    return bytes.withUnsafeBytes { bytes in
      var at = 0
      while let found = bytes[at...].firstIndex(of: wanted[0]) {
        if bytes[found...].starts(with: wanted) { return true }
        at = found + 1
      }
      return false
    }
  }

  /// An error of this file.
  func error(_ problem: String, remedy: String) -> PlacementError {
    PlacementError("\(source): \(problem)", remedy: remedy)
  }

  /// A value of JSON.
  ///
  /// - Throws: ``PlacementError`` with `remedy` where it is none.
  func json<Value: Decodable>(
    _ type: Value.Type, of bytes: [UInt8]? = nil, remedy: String
  ) throws(PlacementError) -> Value {
    do { return try JSONDecoder().decode(type, from: Data(bytes ?? self.bytes)) } catch {
      throw self.error("it is no placement", remedy: remedy)
    }
  }

  /// The whole numbers of a tensor that a `.pt` file has under a key, and their shape; nil where it
  /// has none.
  ///
  /// - Throws: ``PlacementError`` where the file is damaged, or the tensor of other numbers.
  func tensor(_ key: String) throws(PlacementError) -> (shape: [Int], values: [Int])? {
    do {
      return try bytes.withUnsafeBytes {
        (bytes) throws(ArchiveError) -> (shape: [Int], values: [Int])? in
        let file = try TorchFile(bytes)
        guard let tensor = file.root[key]?.tensor else { return nil }
        let values = try file.withArray(of: tensor) { (array) throws(ArchiveError) in
          try Self.integers(array)
        }
        return (tensor.shape, values)
      }
    } catch {
      let fault = error as? ArchiveError ?? ArchiveError("\(error)")
      throw self.error("'\(key)': \(fault.problem)", remedy: fault.remedy)
    }
  }

  private static func integers(_ array: NPYArray) throws(ArchiveError) -> [Int] {
    // An archive may promise far more than its own bytes.
    guard array.count <= mostBytes else {
      throw ArchiveError("\(array.count) numbers are too many for a placement")
    }
    let bytes = try array.content.take(array.count * array.element.size)
    let places = 0..<array.count
    switch array.element {
    case .signed(bytes: 8):
      return places.map { Int(bytes.littleEndian(at: $0 * 8, as: Int64.self)) }
    case .signed(bytes: 4):
      return places.map { Int(bytes.littleEndian(at: $0 * 4, as: Int32.self)) }
    case .float(bytes: 4):
      var values: [Int] = []
      for place in places {
        let number = Float(bitPattern: bytes.littleEndian(at: place * 4, as: UInt32.self))
        guard let value = Int(exactly: number) else {
          throw ArchiveError("\(number) is no whole number", remedy: "save whole numbers")
        }
        values.append(value)
      }
      return values
    default:
      throw ArchiveError(
        "it is a tensor of other numbers", remedy: "save it as tensor.to(torch.int64)")
    }
  }
}

extension PlacementFile {
  /// Reads the file at `path`, whichever of ``PlacementFormats`` it is.
  ///
  /// - Throws: ``PlacementError`` where it cannot be read or is no placement.
  public init(file path: String) throws(PlacementError) {
    try self.init(try PlacementInput(file: path))
  }

  /// Reads a file's bytes.
  ///
  /// - Parameter source: The file's name, for messages.
  /// - Throws: ``PlacementError`` where it is no placement.
  public init(bytes: [UInt8], from source: String) throws(PlacementError) {
    try self.init(PlacementInput(bytes, from: source))
  }

  private init(_ input: PlacementInput) throws(PlacementError) {
    for format in PlacementFormats.all {
      if let file = try format.file(input) {
        self = file
        return
      }
    }
    throw input.error(
      "it is no placement: none of " + PlacementFormats.all.map { $0.name }.joined(separator: ", "),
      remedy: "give such a file, for instance {\"physical_to_logical_map\": [[expert, ...], ...]}")
  }
}
