import Archive
import TestSupport
import Testing

/// What the writer writes is what the reader and Python read.
@Suite struct ZipArchiveTests {
  static let members: [(name: String, content: [UInt8])] = [
    ("empty.npy", []), ("a.npy", [1, 2, 3]),
    ("b/long.npy", (0..<100_000).map { UInt8(truncatingIfNeeded: $0 * 7) }),
  ]

  static func written() throws -> [UInt8] {
    var bytes: [UInt8] = []
    var writer = ZipWriter()
    for member in members { try writer.add(member.name, member.content) { bytes += $0 } }
    try writer.finish { bytes += $0 }
    return bytes
  }

  /// The members' names and contents.
  func members(of bytes: [UInt8]) throws -> [(name: String, content: [UInt8])] {
    try bytes.withUnsafeBytes { bytes in
      let archive = try ZipArchive(bytes)
      return try archive.members.map { member in
        let content = try archive.content(of: member) { (content) throws(ArchiveError) in
          Array(try content.take(content.remaining))
        }
        return (member.name, content)
      }
    }
  }

  @Test func whatIsWrittenIsRead() throws {
    let read = try members(of: Self.written())
    #expect(read.map(\.name) == Self.members.map(\.name))
    #expect(read.map(\.content) == Self.members.map(\.content))
  }

  @Test(.enabled(if: Python.has("zipfile"), "python3 is absent"))
  func pythonReadsIt() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.written(), to: "a.zip")
    let printed = try Python.run(
      """
      import sys, zipfile
      z = zipfile.ZipFile(sys.argv[1])
      print(z.testzip(), [(m.filename, m.file_size) for m in z.infolist()])
      """, path)
    #expect(printed == "None [('empty.npy', 0), ('a.npy', 3), ('b/long.npy', 100000)]\n")
  }

  @Test func encryptedMembersAreRefused() throws {
    var bytes = try Self.written()
    let entry = try #require(bytes.firstRange(of: [0x50, 0x4B, 1, 2])?.lowerBound)
    bytes[entry + 8] |= 1
    let error = #expect(throws: ArchiveError.self) { try members(of: bytes) }
    #expect(error?.problem == "it is encrypted")
  }

  /// A changed byte of a member's content never passes for what was written.
  @Test func damageIsNoticed() throws {
    let whole = try Self.written()
    let start = try #require(whole.firstRange(of: [1, 2, 3])?.lowerBound)
    for at in start..<start + 3 {
      var bytes = whole
      bytes[at] ^= 0x40
      let error = #expect(throws: ArchiveError.self) { try members(of: bytes) }
      #expect(error?.problem == "its checksum is wrong: the archive is damaged")
    }
    let error = #expect(throws: ArchiveError.self) { try members(of: Array(whole.dropLast(30))) }
    #expect(error?.problem == "it has no zip directory: it is cut off, or no archive")
  }
}
