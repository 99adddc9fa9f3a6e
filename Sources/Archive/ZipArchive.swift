/// The members of a zip file in memory, found by its central directory (PKWARE APPNOTE 6.3.9).
///
/// ```swift
/// let archive = try ZipArchive(bytes)   // an UnsafeRawBufferPointer
/// for member in archive.members {
///   let count = try archive.content(of: member) { (content) throws(ArchiveError) in
///     try NPYArray(content).count
///   }
///   print(member.name, count)
/// }
/// ```
///
/// Local headers may hold 0xFFFFFFFF for sizes that stand in a zip64 field, as NumPy writes them,
/// so only the central directory is believed, and each of its numbers is checked against the file.
package struct ZipArchive {
  /// A member as the central directory describes it.
  package struct Member {
    /// The member's name in the archive.
    package let name: String
    /// How it is packed: 0 stored, 8 deflated.
    let method: Int
    /// The general purpose bits.
    let flags: Int
    /// CRC-32 of the uncompressed bytes.
    let checksum: UInt32
    /// Bytes that it takes in the archive.
    let compressedSize: Int
    /// Bytes uncompressed.
    package let size: Int
    /// Where its local header begins.
    let headerOffset: Int
  }

  /// The members in the order of the directory.
  package let members: [Member]
  /// The whole archive.
  private let bytes: UnsafeRawBufferPointer

  /// Reads the central directory of the archive that fills `bytes`, which must outlive the value.
  ///
  /// - Throws: ``ArchiveError`` where it is no archive, or contradicts itself.
  /// - Complexity: O(members).
  package init(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
    self.bytes = bytes
    guard let end = Self.endRecord(bytes) else {
      throw ArchiveError("it has no zip directory: it is cut off, or no archive")
    }
    var entries = Int(bytes.littleEndian(at: end + 10, as: UInt16.self))
    var size = UInt64(bytes.littleEndian(at: end + 12, as: UInt32.self))
    var offset = UInt64(bytes.littleEndian(at: end + 16, as: UInt32.self))
    if entries == 0xFFFF || size == 0xFFFF_FFFF || offset == 0xFFFF_FFFF,
      let record = Self.zip64Record(bytes, end: end)
    {
      entries = Int(clamping: bytes.littleEndian(at: record + 32, as: UInt64.self))
      size = bytes.littleEndian(at: record + 40, as: UInt64.self)
      offset = bytes.littleEndian(at: record + 48, as: UInt64.self)
    }
    guard offset <= UInt64(end), size <= UInt64(end) - offset else {
      throw ArchiveError("its zip directory is said to lie outside the file")
    }
    // An entry takes 46 bytes or more, so the loop ends within the directory.
    var members: [Member] = []
    var at = Int(offset)
    let limit = Int(offset + size)
    for _ in 0..<entries {
      members.append(try Self.member(bytes, at: &at, limit: limit))
    }
    self.members = members
  }

  /// What `use` makes of the uncompressed bytes of `member`, which are damaged unless all of them
  /// have its checksum.
  ///
  /// - Throws: ``ArchiveError`` where they are damaged, or what `use` throws.
  /// - Complexity: O(bytes of the member).
  package func content<Result>(
    of member: Member, use: (MemberContent) throws(ArchiveError) -> Result
  ) throws(ArchiveError) -> Result {
    let content = try content(of: member)
    let result: Result
    do throws(ArchiveError) {
      result = try use(content)
    } catch {
      // If the bytes are damaged, that is what is reported, whatever `use` found wrong with them.
      try content.finish(checksum: member.checksum)
      throw error
    }
    try content.finish(checksum: member.checksum)
    return result
  }

  /// The member's bytes, still to be taken.
  private func content(of member: Member) throws(ArchiveError) -> MemberContent {
    guard member.flags & 1 == 0 else { throw ArchiveError("it is encrypted") }
    let header = member.headerOffset
    guard header <= bytes.count - 30,
      bytes.littleEndian(at: header, as: UInt32.self) == 0x0403_4B50
    else { throw ArchiveError("its place in the archive is wrong") }
    let start =
      header + 30 + Int(bytes.littleEndian(at: header + 26, as: UInt16.self))
      + Int(bytes.littleEndian(at: header + 28, as: UInt16.self))
    guard start <= bytes.count, member.compressedSize <= bytes.count - start else {
      throw ArchiveError("its size in the archive is wrong, or the archive is cut off")
    }
    let packed = UnsafeRawBufferPointer(rebasing: bytes[start..<start + member.compressedSize])
    switch member.method {
    case 0:
      guard member.size == packed.count else {
        throw ArchiveError("it is stored, but its two sizes differ")
      }
      return MemberContent(packed)
    case 8: return try MemberContent(inflating: packed, size: member.size)
    default:
      throw ArchiveError(
        "its compression method \(member.method) is not supported",
        remedy: "write it with numpy.savez or numpy.savez_compressed")
    }
  }

  /// Offset of the end record, which a comment of up to 65,535 bytes may follow.
  private static func endRecord(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes.count >= 22 else { return nil }
    var at = bytes.count - 22
    let lowest = max(0, at - 0xFFFF)
    while at >= lowest {
      if bytes.littleEndian(at: at, as: UInt32.self) == 0x0605_4B50,
        at + 22 + Int(bytes.littleEndian(at: at + 20, as: UInt16.self)) == bytes.count
      {
        return at
      }
      at -= 1
    }
    return nil
  }

  /// Offset of the zip64 end record, which its locator before the end record points to.
  private static func zip64Record(_ bytes: UnsafeRawBufferPointer, end: Int) -> Int? {
    guard end >= 20 + 56, bytes.littleEndian(at: end - 20, as: UInt32.self) == 0x0706_4B50 else {
      return nil
    }
    let offset = bytes.littleEndian(at: end - 12, as: UInt64.self)
    guard offset <= UInt64(end - 20 - 56) else { return nil }
    guard bytes.littleEndian(at: Int(offset), as: UInt32.self) == 0x0606_4B50 else { return nil }
    return Int(offset)
  }

  /// The entry of the directory at `at`, which moves behind it.
  private static func member(
    _ bytes: UnsafeRawBufferPointer, at: inout Int, limit: Int
  ) throws(ArchiveError) -> Member {
    let damaged = ArchiveError("its zip directory is damaged")
    guard at <= limit - 46, bytes.littleEndian(at: at, as: UInt32.self) == 0x0201_4B50 else {
      throw damaged
    }
    let nameLength = Int(bytes.littleEndian(at: at + 28, as: UInt16.self))
    let extraLength = Int(bytes.littleEndian(at: at + 30, as: UInt16.self))
    let commentLength = Int(bytes.littleEndian(at: at + 32, as: UInt16.self))
    let nameStart = at + 46
    let extraStart = nameStart + nameLength
    guard extraStart + extraLength + commentLength <= limit else { throw damaged }
    var compressed = UInt64(bytes.littleEndian(at: at + 20, as: UInt32.self))
    var size = UInt64(bytes.littleEndian(at: at + 24, as: UInt32.self))
    var offset = UInt64(bytes.littleEndian(at: at + 42, as: UInt32.self))
    var field = extraStart
    let extraEnd = extraStart + extraLength
    while field + 4 <= extraEnd {
      let kind = bytes.littleEndian(at: field, as: UInt16.self)
      let next = field + 4 + Int(bytes.littleEndian(at: field + 2, as: UInt16.self))
      guard next <= extraEnd else { throw damaged }
      if kind == 1 {
        // The Zip64 field holds, in this order, only those of the three numbers that are all ones
        // in the entry.
        var value = field + 4
        func take(_ number: inout UInt64) throws(ArchiveError) {
          guard number == 0xFFFF_FFFF else { return }
          guard value + 8 <= next else { throw damaged }
          number = bytes.littleEndian(at: value, as: UInt64.self)
          value += 8
        }
        try take(&size)
        try take(&compressed)
        try take(&offset)
      }
      field = next
    }
    let count = UInt64(bytes.count)
    guard compressed <= count, offset <= count, size <= 1 << 40 else {
      throw ArchiveError("a member of its zip directory is larger than the file")
    }
    let name = UnsafeRawBufferPointer(rebasing: bytes[nameStart..<extraStart])
    defer { at = extraEnd + commentLength }
    return Member(
      name: String(decoding: name, as: UTF8.self),
      method: Int(bytes.littleEndian(at: at + 10, as: UInt16.self)),
      flags: Int(bytes.littleEndian(at: at + 8, as: UInt16.self)),
      checksum: bytes.littleEndian(at: at + 16, as: UInt32.self),
      compressedSize: Int(compressed), size: Int(size), headerOffset: Int(offset))
  }
}
