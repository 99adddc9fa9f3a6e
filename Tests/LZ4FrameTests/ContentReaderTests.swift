import LZ4Frame
import TestSupport
import Testing

@Suite struct ContentReaderTests {
  /// All content of `bytes`, taken `step` bytes at a time; told of skippable frames of kind 14.
  static func read(
    _ bytes: [UInt8], step: Int = 1000
  ) throws -> (content: [UInt8], skippable: [[UInt8]], lacksChecksums: Bool) {
    var reader = ContentReader(MemorySource(bytes), variant: 14)
    var content: [UInt8] = []
    var skippable: [[UInt8]] = []
    while true {
      switch try reader.fill(step) {
      case .content: content += reader.take(step)
      case .skippable(let bytes): skippable.append(bytes)
      case .end:
        content += reader.take(reader.available)
        return (content, skippable, reader.lacksChecksums)
      }
    }
  }

  static let makers = [
    FrameMaker(), FrameMaker(contentChecksum: false), FrameMaker(contentSize: false),
    FrameMaker(contentChecksum: false, blockChecksums: true), FrameMaker(linked: true),
    FrameMaker(blockChecksums: true, linked: true),
    FrameMaker(contentChecksum: false, contentSize: false, linked: true, blockSize: 700),
  ]

  /// The frames of the maker that other tests rely on are those that liblz4 decodes.
  @Test(arguments: makers)
  func everyFramingIsRead(maker: FrameMaker) throws {
    let content = FrameTests.content(200_000)
    let frame = maker.frame(content)
    #expect(frame.count < content.count)
    #expect(try FrameTests.read(frame) == [content])
    for step in [1, 999, 65_536, 150_000] {
      let read = try Self.read(frame, step: step)
      #expect(read.content == content)
      #expect(read.lacksChecksums == maker.lacksChecksums)
    }
  }

  /// Frames, and skippable ones between them, do not show in the content.
  @Test(arguments: [1, 5, 777, 100_000])
  func framesAreJoined(step: Int) throws {
    let content = FrameTests.content(9_000)
    let parts = [0..<10, 10..<10, 10..<5_000, 5_000..<9_000]
    let frames = zip(parts, Self.makers).map { $1.frame(Array(content[$0])) }
    let bytes =
      FrameMaker.skippable(3, [9, 9]) + frames[0] + frames[1] + FrameMaker.skippable(14, [7])
      + frames[2] + FrameMaker.skippable(0, [1]) + frames[3]
    let read = try Self.read(bytes, step: step)
    #expect(read.content == content)
    #expect(read.skippable == [[7]])
  }

  /// Content far longer than the window, so that the window moves many times.
  @Test(arguments: [false, true])
  func theWindowMoves(linked: Bool) throws {
    let content = FrameTests.content(6_000_000)
    let bytes = FrameMaker(linked: linked).frame(content)
    #expect(try Self.read(bytes, step: 5_000).content == content)
    #expect(try Self.read(bytes, step: 2_500_000).content == content)
  }

  /// What is handed on before a fault is the content's front; no fault passes where there is a
  /// checksum.
  @Test func damageIsNoticed() throws {
    let content = FrameTests.content(900)
    let frame = FrameMaker(linked: true, blockSize: 300).frame(content)
    for count in 1..<frame.count {
      let error = #expect(throws: LZ4FrameError.self) { try Self.read(Array(frame[..<count])) }
      #expect(error?.kind == .truncated)
    }
    for bit in 0..<frame.count * 8 {
      var damaged = frame
      damaged[bit / 8] ^= 1 << (bit % 8)
      // A match at another offset may spell the same content.
      #expect((try? Self.read(damaged).content) ?? content == content, "bit \(bit)")
    }
  }

  @Test func aFrameIsEndedOnlyWhereItsContentEnds() throws {
    let content = FrameTests.content(50)
    var reader = ContentReader(MemorySource(FrameMaker(blockSize: 30).frame(content)))
    #expect(try reader.fill(10) == .content)
    #expect(reader.isAtFrameStart && reader.available == 30)
    _ = reader.take(30)
    try reader.endFrame()
    #expect(!reader.isAtFrameEnd && !reader.isAtFrameStart)
    #expect(try reader.fill(20) == .content)
    _ = reader.take(20)
    try reader.endFrame()
    #expect(reader.isAtFrameEnd)
  }
}
