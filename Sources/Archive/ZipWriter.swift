import CZlib

/// Writes a zip archive of stored members without times, as NumPy's `.npz` is one (PKWARE APPNOTE
/// 6.3.9).
///
/// ```swift
/// var writer = ZipWriter()
/// var file: [UInt8] = []
/// try writer.add("ids.npy", array) { file += $0 }
/// try writer.finish { file += $0 }
/// ```
package struct ZipWriter {
  /// The central directory so far.
  private var directory: [UInt8] = []
  /// Members written.
  private var members = 0
  /// Bytes written.
  private var offset = 0

  /// A writer of an archive without members yet.
  package init() {}

  /// The bytes of an archive of `members`, which are small.
  ///
  /// - Complexity: O(bytes of the members).
  package static func archive(_ members: [(name: String, content: [UInt8])]) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var writer = ZipWriter()
    for member in members { try writer.add(member.name, member.content) { bytes += $0 } }
    try writer.finish { bytes += $0 }
    return bytes
  }

  /// Writes a member and its header.
  ///
  /// - Throws: what `sink` throws, or ``ArchiveError`` where the member is too large or one too
  ///   many; nothing of it is written then.
  /// - Complexity: O(bytes of `content`).
  package mutating func add(
    _ name: String, _ content: [UInt8], to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    // Without the Zip64 extension, sizes and offsets have 32 bits, and counts 16.
    guard content.count < 1 << 31, offset < 1 << 31 else {
      throw ArchiveError("\(name) is over 2 GB, too large for a zip archive", remedy: "split it")
    }
    guard members < 0xFFFF, name.utf8.count <= 0xFFFF else {
      throw ArchiveError("\(name) is one member too many, or its name is too long")
    }
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

  /// Writes the directory; nothing may be added after it.
  ///
  /// - Throws: what `sink` throws.
  package func finish(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
    let end =
      words32([0x0605_4B50]) + words16([0, 0, UInt16(members), UInt16(members)])
      + words32([UInt32(directory.count), UInt32(offset)]) + words16([0])
    try (directory + end).withUnsafeBytes { try sink($0) }
  }

  /// Numbers of 16 bits, little-endian.
  private func words16(_ values: [UInt16]) -> [UInt8] {
    values.reduce(into: []) { $0.append(littleEndian: $1) }
  }

  /// Numbers of 32 bits, little-endian.
  private func words32(_ values: [UInt32]) -> [UInt8] {
    values.reduce(into: []) { $0.append(littleEndian: $1) }
  }
}
