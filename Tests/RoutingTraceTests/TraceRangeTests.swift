import LZ4Frame
import RoutingTrace
import TestSupport
import Testing

@Suite struct TraceRangeTests {
  /// Requests that span chunks, and a trace of 20 tokens a chunk.
  static func bytes(requests: Int = 12, finishing: Bool = true) throws -> [UInt8] {
    let shape = try TraceShape(model: "m", modelLayers: [0, 1, 4], experts: 12, topK: 2)
    var random = SplitMix64(seed: 6)
    let requests = (0..<requests).map { number in
      RequestTrace.random(
        shape: shape, prefill: 10, decode: 17, name: "r\(number)", using: &random)
    }
    return try traceBytes(of: requests, shape: shape, chunkTokens: 20, finishing: finishing)
  }

  /// The chunks of a range.
  static func read<Source: SeekableSource>(
    _ range: Range<Int>, of source: Source, _ index: TraceIndex
  ) throws -> [TraceChunk] {
    var reader = try TraceReader(source, name: "part", chunks: range, of: index)
    var chunks: [TraceChunk] = []
    while let chunk = try reader.next() { chunks.append(chunk) }
    let more = try reader.next()
    #expect(more?.ordinal == nil)
    return chunks
  }

  @Test(arguments: [1, 2, 3, 5, 100])
  func rangesTogetherAreTheWhole(width: Int) throws {
    let folder = try TemporaryFolder()
    let bytes = try Self.bytes()
    let whole = try chunks(in: bytes)
    let file = try TraceFile(folder.write(bytes, to: "t.moe.lz4"))
    let index = try TraceReader.index(of: file, name: "t")
    #expect(index.offsets.count == whole.count && whole.count > 10)
    for start in stride(from: 0, to: whole.count, by: width) {
      let range = start..<min(start + width, whole.count)
      for part in [
        try Self.read(range, of: file, index),
        try Self.read(range, of: MemorySource(bytes), index),
      ] {
        #expect(part.map(\.block) == whole[range].map(\.block))
        #expect(part.map(\.ordinal) == Array(range))
        #expect(part.map(\.checksum) == whole[range].map(\.checksum))
      }
    }
    #expect(try Self.read(3..<3, of: file, index).isEmpty)
  }

  @Test func anIndexLongerThanTheFirstLookIsFound() throws {
    let shape = try TraceShape(modelLayers: [0], experts: 9, topK: 1)
    let request = RequestTrace(prefill: 0, ids: (0..<9000).map { UInt16($0 % 9) })
    let bytes = try traceBytes(of: [request], shape: shape, chunkTokens: 1)
    let index = try TraceReader.index(of: MemorySource(bytes), name: "long")
    #expect(index.offsets.count == 9000)
    let part = try Self.read(8998..<9000, of: MemorySource(bytes), index)
    #expect(part.map(\.block.ids) == [[UInt16(8998 % 9)], [UInt16(8999 % 9)]])
  }

  @Test func withoutAnIndexItSaysSo() throws {
    let whole = try Self.bytes()
    for bytes in [try Self.bytes(finishing: false), Array(whole.dropLast(1)), []] {
      let error = #expect(throws: TraceError.self) {
        try TraceReader.index(of: MemorySource(bytes), name: "open")
      }
      #expect(error?.kind == .truncated)
      #expect(error?.problem.contains("no index at its end") == true)
      #expect(error?.remedy.contains("inspect --repair") == true)
    }
  }

  /// A joined trace's last index tells of its last part, whose chunks it would take from the first.
  @Test(arguments: [12, 5])
  func joinedTracesAreRefused(requests: Int) throws {
    let joined = try Self.bytes(requests: requests) + Self.bytes()
    let error = #expect(throws: TraceError.self) {
      try TraceReader.index(of: MemorySource(joined), name: "joined")
    }
    #expect(error?.problem.contains("joined") == true)
  }

  /// An index that was kept while the frames before it became others tells of places that are gone.
  @Test func framesOfOthersAreRefused() throws {
    let bytes = try Self.bytes()
    let index = try TraceReader.index(of: MemorySource(bytes), name: "t")
    let trailing = bytes.suffix(44 + 8 * index.offsets.count)
    let payloads = try FrameMaker.payloads(of: bytes)
    let others = [
      payloads.flatMap { FrameMaker(contentChecksum: false).frame($0) } + trailing,
      FrameMaker().frame(payloads.flatMap(\.self)) + trailing,
      FrameMaker.skippable(3, [1, 2, 3]) + bytes,
    ]
    for other in others {
      let error = #expect(throws: TraceError.self) {
        try TraceReader.index(of: MemorySource(other), name: "other")
      }
      #expect(error?.problem.contains("index") == true)
      #expect(error?.remedy.contains("`moecast inspect --repair NEW OLD`") == true)
      // The remedy: repaired, its parts are found.
      var repair = try TraceRepair(MemorySource(other), name: "other")
      let sink = SharedSink()
      _ = try repair.write(to: sink)
      let mended = try TraceReader.index(of: MemorySource(sink.bytes), name: "mended")
      let part = try Self.read(3..<5, of: MemorySource(sink.bytes), mended)
      #expect(try part.map(\.block) == chunks(in: bytes)[3..<5].map(\.block))
    }
  }

  @Test func aDamagedIndexIsNoticed() throws {
    var bytes = try Self.bytes()
    bytes[bytes.count - 2] ^= 1
    let error = #expect(throws: TraceError.self) {
      try TraceReader.index(of: MemorySource(bytes), name: "damaged")
    }
    #expect(error?.problem == "the index's checksum does not match")
  }
}
