import CZlib

/// A zip archive of stored members without times, as NumPy's `.npz` is one (PKWARE APPNOTE 6.3.9).
struct ZipWriter {
  private var directory: [UInt8] = []
  private var members = 0
  private var offset = 0

  /// Writes a member and its header.
  mutating func add(
    _ name: String, _ content: [UInt8], to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    // Without the Zip64 extension, sizes and offsets have 32 bits.
    guard content.count < 1 << 31, offset < 1 << 31 else { throw ExportError(name: name) }
    let sum = content.withUnsafeBytes { bytes in
      UInt32(crc32(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(bytes.count)))
    }
    // Version 2.0, no flags, stored, 1980-01-01 00:00.
    let common =
      words16([20, 0, 0, 0, 0x21]) + words32([sum, UInt32(content.count), UInt32(content.count)])
      + words16([UInt16(name.utf8.count), 0])
    let local = words32([0x0403_4B50]) + common + Array(name.utf8)
    try local.withUnsafeBytes { try sink($0) }
    try content.withUnsafeBytes { try sink($0) }
    directory += words32([0x0201_4B50]) + words16([20]) + common
    directory += words16([0, 0, 0]) + words32([0, UInt32(offset)]) + Array(name.utf8)
    offset += local.count + content.count
    members += 1
  }

  /// Writes the directory.
  func finish(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
    let end =
      words32([0x0605_4B50]) + words16([0, 0, UInt16(members), UInt16(members)])
      + words32([UInt32(directory.count), UInt32(offset)]) + words16([0])
    try (directory + end).withUnsafeBytes { try sink($0) }
  }

  private func words16(_ values: [UInt16]) -> [UInt8] {
    values.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
  }

  private func words32(_ values: [UInt32]) -> [UInt8] {
    values.flatMap { value in (0..<4).map { UInt8(value >> (8 * $0) & 0xFF) } }
  }
}

/// A table that does not fit the format.
public struct ExportError: Error, Hashable, CustomStringConvertible {
  let name: String

  public var description: String { "\(name) is over 2 GB, too large for NPZ; export CSV instead" }
}
