import Archive
import TestSupport
import Testing

/// What `packed` holds, taken in pieces and rooms of these sizes; the errors of `GzipInflater` as
/// they are.
private func inflate(_ packed: [UInt8], pieces: Int = 1 << 20, rooms: Int = 1 << 20)
  throws(InflaterError)
  -> [UInt8]
{
  let inflater = try GzipInflater()
  var result: [UInt8] = []
  var room = [UInt8](repeating: 0, count: rooms)
  var at = 0
  while at < packed.count {
    let piece = Array(packed[at..<min(at + pieces, packed.count)])
    var problem: InflaterError?
    piece.withUnsafeBytes { piece in
      room.withUnsafeMutableBytes { room in
        do throws(InflaterError) {
          let (taken, filled) = try inflater.inflate(piece, into: room)
          at += taken
          result += room.prefix(filled)
        } catch {
          problem = error
        }
      }
    }
    if let problem { throw problem }
  }
  try inflater.finish()
  return result
}

@Suite struct GzipInflaterTests {
  private static let text = Array(String(repeating: "expert 7, expert 11\n", count: 40).utf8)

  @Test(arguments: [1, 3, 17, 1 << 16])
  func givesTheSameForPiecesOfAnySize(_ size: Int) throws {
    let packed = try Gzip.member(Self.text)
    #expect(try inflate(packed, pieces: size, rooms: 1 << 16) == Self.text)
    #expect(try inflate(packed, pieces: 1 << 16, rooms: size) == Self.text)
  }

  @Test(arguments: [1, 5, 1 << 16])
  func readsMembersBehindOneAnother(_ size: Int) throws {
    let packed = try Gzip.member(Self.text) + Gzip.member([]) + Gzip.member([1, 2, 3])
    #expect(try inflate(packed, pieces: size) == Self.text + [1, 2, 3])
    // Tapes and some copies pad with zeros.
    #expect(try inflate(packed + [0, 0, 0], pieces: size) == Self.text + [1, 2, 3])
  }

  @Test func cutAnywhereIsSaidToBeCutOff() throws {
    let first = try Gzip.member(Self.text)
    let packed = try first + Gzip.member([1, 2, 3])
    for length in 0..<packed.count where length != first.count {
      let error = #expect(throws: InflaterError.self) { try inflate(Array(packed[..<length])) }
      #expect(error?.problem == "its gzip data is cut off")
      #expect(error?.byte == length)
    }
  }

  /// A flipped bit is noticed or changes nothing; time and system, which a header names, are left
  /// out.
  @Test func flippedBitsAreNoticed() throws {
    let packed = try Gzip.member(Self.text)
    var silent = 0
    for bit in 0..<8 * packed.count where !(4..<10).contains(bit / 8) {
      var damaged = packed
      damaged[bit / 8] ^= 1 << (bit % 8)
      // Some bits say nothing: that it is text, what fills up deflate's last byte.
      let result = Result { () throws(InflaterError) in try inflate(damaged) }
      if case .success(let bytes) = result {
        #expect(bytes == Self.text, "bit \(bit)")
        silent += 1
      }
    }
    #expect(silent <= 8)
  }

  @Test(arguments: [Array("more".utf8), [0x1F], [0x1F, 0x00, 1, 2], [0, 0, 7]] as [[UInt8]])
  func somethingElseBehindIsRefusedWithItsPlace(_ more: [UInt8]) throws {
    let packed = try Gzip.member(Self.text)
    let place = packed.count + more.prefix { $0 == 0 }.count
    let error = #expect(throws: InflaterError.self) { try inflate(packed + more) }
    guard more != [0x1F] else {
      // The beginning of another member, as far as it goes.
      #expect(error?.problem == "its gzip data is cut off")
      return
    }
    #expect(error?.problem == "something else follows its gzip data")
    #expect(error?.byte == place)
    #expect(error?.remedy == "keep its first \(place) bytes alone: head -c \(place)")
    #expect(try inflate(Array((packed + more)[..<place])) == Self.text)
  }

  @Test func agreesWithPython() throws {
    try #require(Python.has("gzip"), "\(Python.absence("gzip"))")
    let folder = try TemporaryFolder()
    _ = try Python.run(
      """
      import gzip, sys
      with open(sys.argv[1], "wb") as f:
        f.write(gzip.compress(bytes(range(256)) * 300, 9))
        f.write(gzip.compress(b"x" * 100000, 1))
      """, folder.file("x.gz"))
    let bytes = try inflate(try folder.bytes(of: "x.gz"), pieces: 1000, rooms: 777)
    #expect(bytes.count == 76_800 + 100_000)
    #expect(bytes.prefix(76_800).elementsEqual((0..<76_800).lazy.map { UInt8($0 % 256) }))
    #expect(bytes.dropFirst(76_800).allSatisfy { $0 == UInt8(ascii: "x") })
  }
}
