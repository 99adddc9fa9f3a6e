import Archive
import TestSupport
import Testing

/// What `packed` holds, taken in pieces of this size.
private func inflate(_ packed: [UInt8], pieces: Int = 1 << 16) throws -> [UInt8] {
  let inflater = try XZInflater()
  var result: [UInt8] = []
  var room = [UInt8](repeating: 0, count: 50)
  var at = 0
  while at < packed.count {
    let (taken, filled) = try packed[at..<min(at + pieces, packed.count)].withUnsafeBytes { piece in
      try room.withUnsafeMutableBytes { try inflater.inflate(piece, into: $0) }
    }
    at += taken
    result += room.prefix(filled)
  }
  try inflater.finish()
  return result
}

@Suite struct XZInflaterTests {
  private static let text = Array(String(repeating: "expert 7, expert 11\n", count: 40).utf8)

  /// The text as the program xz packs it.
  private static func packed() throws -> [UInt8] {
    let folder = try TemporaryFolder()
    try folder.write(text, to: "a")
    try run("xz", folder.file("a"))
    return try folder.bytes(of: "a.xz")
  }

  @Test(arguments: [1, 7, 1 << 16])
  func givesTheSameForPiecesOfAnySize(_ size: Int) throws {
    let packed = try Self.packed()
    #expect(try inflate(packed, pieces: size) == Self.text)
    #expect(try inflate(packed + packed, pieces: size) == Self.text + Self.text)
  }

  @Test func isRecognised() throws {
    let packed = try Self.packed()
    #expect(Compression(of: packed) == .xz)
    #expect(Compression(of: packed.prefix(5)) == nil)
    #expect(Compression(of: try Gzip.member([1])) == .gzip)
  }

  @Test func cutOffAndDamagedDataIsRefused() throws {
    let packed = try Self.packed()
    for length in 1..<packed.count {
      #expect(throws: InflaterError.self) { try inflate(Array(packed.prefix(length))) }
    }
    for at in packed.indices {
      var damaged = packed
      damaged[at] ^= 0x10
      #expect(throws: InflaterError.self) { try inflate(damaged) }
    }
    #expect(throws: InflaterError.self) { try inflate(packed + Array("more".utf8)) }
  }
}
