import LZ4Frame
import Testing

@Suite struct FrameTests {
  static func content(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 / 7) &* ($0 % 13)) }
  }

  static func frame(_ content: [UInt8], level: Int = 0) throws -> [UInt8] {
    var writer = FrameWriter(MemorySink(), level: level)
    try writer.writeData(content)
    return writer.sink.bytes
  }

  static func read(_ bytes: [UInt8], maximum: Int = 1 << 30) throws -> [[UInt8]] {
    var reader = FrameReader(MemorySource(bytes), maximumContent: maximum)
    let buffer = FrameBuffer()
    var contents: [[UInt8]] = []
    while let frame = try reader.next(into: buffer) {
      switch frame {
      case .data(let count, _), .skippable(_, let count):
        contents.append(Array(buffer.bytes(count)))
      }
    }
    return contents
  }

  @Test(arguments: [0, 1, 15, 16, 262_143, 262_144, 262_145, 1_000_000], [0, 9])
  func roundTrip(count: Int, level: Int) throws {
    let content = Self.content(count)
    #expect(try Self.read(Self.frame(content, level: level)) == [content])
  }

  @Test func incompressibleBlocksAreStored() throws {
    var state: UInt64 = 1
    let noise = (0..<300_000).map { _ -> UInt8 in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
    let frame = try Self.frame(noise)
    #expect(frame.count < noise.count + 64)
    #expect(try Self.read(frame) == [noise])
  }

  @Test func framesFollowOneAnother() throws {
    var writer = FrameWriter(MemorySink())
    try writer.writeData(Self.content(10))
    try writer.writeSkippable(variant: 3, [1, 2, 3])
    try writer.writeData(Self.content(20))
    #expect(try Self.read(writer.sink.bytes) == [Self.content(10), [1, 2, 3], Self.content(20)])
  }

  /// A frame with linked blocks and without checksum, as others write them: the second block is a
  /// match that begins in the first. Put together by the format's description; lz4 4.4 for Python
  /// reads it.
  @Test func readsLinkedBlocksOfOthers() throws {
    let content = Array(String(repeating: "moecast ", count: 40).utf8)
    // Version 1, linked blocks, content size 320; blocks of 64 KB at most.
    let frame: [UInt8] = [0x04, 0x22, 0x4D, 0x18, 0x48, 0x40, 0x40, 0x01, 0, 0, 0, 0, 0, 0]
    let header = frame + [UInt8(truncatingIfNeeded: xxh32(frame[4...]) >> 8)]
    let stored: [UInt8] = [8, 0, 0, 0x80] + content.prefix(8)
    // No literals and 4 + 15 + 255 + 33 bytes from 8 bytes back; then 5 literals.
    let linked: [UInt8] = [0x0F, 8, 0, 255, 33, 0x50] + content.suffix(5)
    let blocks = stored + [UInt8(linked.count), 0, 0, 0] + linked + [0, 0, 0, 0]
    #expect(try Self.read(header + blocks) == [content])
    // Alone, the second block has nothing before it to copy.
    let alone = header + [UInt8(linked.count), 0, 0, 0] + linked + [0, 0, 0, 0]
    #expect(throws: LZ4FrameError.self) { try Self.read(alone) }
  }

  /// A frame with checksums of its blocks and without one of its content, as others write them.
  @Test func damagedBlocksOfOthersAreNoticed() throws {
    let content = Array("moecast".utf8)
    // Version 1, independent blocks, checksums of blocks; blocks of 64 KB at most.
    let flags: [UInt8] = [0x70, 0x40]
    let header = [0x04, 0x22, 0x4D, 0x18] + flags + [UInt8(truncatingIfNeeded: xxh32(flags) >> 8)]
    let stored: [UInt8] = [UInt8(content.count), 0, 0, 0x80] + content
    let sum = (0..<4).map { UInt8(truncatingIfNeeded: xxh32(content) >> (8 * $0)) }
    let frame = header + stored + sum + [0, 0, 0, 0]
    #expect(try Self.read(frame) == [content])
    let begin = header.count + 4
    for at in begin..<begin + content.count + 4 {
      var damaged = frame
      damaged[at] ^= 0x10
      let error = #expect(throws: LZ4FrameError.self) { try Self.read(damaged) }
      #expect(error?.kind == .corrupt)
    }
  }

  /// A block that is larger than its frame allows is not waited for.
  @Test(arguments: [0x01, 0x81] as [UInt8])
  func blocksKeepWithinTheirFrame(top: UInt8) throws {
    let flags: [UInt8] = [0x60, 0x40]
    let header = [0x04, 0x22, 0x4D, 0x18] + flags + [UInt8(truncatingIfNeeded: xxh32(flags) >> 8)]
    let error = #expect(throws: LZ4FrameError.self) { try Self.read(header + [1, 0, 0, top, 5]) }
    #expect(error?.kind == .corrupt)
  }

  @Test func everyTruncationIsNoticed() throws {
    let frame = try Self.frame(Self.content(3000))
    for count in 1..<frame.count {
      let error = #expect(throws: LZ4FrameError.self) { try Self.read(Array(frame[..<count])) }
      #expect(error?.kind == .truncated)
    }
  }

  @Test func everyBitFlipIsNoticed() throws {
    let frame = try Self.frame(Self.content(400))
    for bit in 0..<frame.count * 8 {
      var damaged = frame
      damaged[bit / 8] ^= 1 << (bit % 8)
      // A flip in the magic number can make the frame a skippable one that reaches past the end.
      #expect(throws: LZ4FrameError.self) { try Self.read(damaged) }
    }
  }

  @Test func declaredSizesAreNotBelieved() throws {
    var header: [UInt8] = [0x6C, 0x50] + [0, 0, 0, 0, 0, 0, 0, 0x40]
    header.append(UInt8(truncatingIfNeeded: xxh32(header) >> 8))
    let error = #expect(throws: LZ4FrameError.self) {
      try Self.read([0x04, 0x22, 0x4D, 0x18] + header + [0, 0, 0, 0])
    }
    #expect(error?.kind == .tooLarge)
  }

  @Test func bombsStopAtTheCap() throws {
    let bomb = try Self.frame([UInt8](repeating: 0, count: 4_000_000))
    #expect(bomb.count < 20_000)
    var withoutSize = Array(bomb[..<4]) + [0x64, 0x50]
    withoutSize.append(UInt8(truncatingIfNeeded: xxh32(withoutSize[4...]) >> 8))
    let error = #expect(throws: LZ4FrameError.self) {
      try Self.read(withoutSize + bomb[15...], maximum: 1_000_000)
    }
    #expect(error?.kind == .tooLarge)
  }
}
