import LZ4Frame
import RoutingTrace
import TestSupport
import Testing

@Suite struct TraceContentsTests {
  /// Two requests of 3 + 2 tokens, in chunks of 4.
  static func bytes(finishing: Bool = true) throws -> [UInt8] {
    let shape = try TraceShape(model: "m", modelLayers: [0, 1], experts: 9, topK: 2)
    var random = SplitMix64(seed: 3)
    let requests = (0..<2).map { number in
      RequestTrace.random(
        shape: shape, prefill: 3, decode: 2, weighted: true, task: number == 0 ? "a" : "",
        using: &random)
    }
    return try traceBytes(of: requests, shape: shape, chunkTokens: 4, finishing: finishing)
  }

  static func contents(_ bytes: [UInt8]) throws -> TraceContents {
    var reader = try TraceReader(MemorySource(bytes), name: "memory")
    return try TraceContents(of: &reader)
  }

  @Test func everythingIsCounted() throws {
    let bytes = try Self.bytes()
    let contents = try Self.contents(bytes)
    #expect(contents.requests == 2 && contents.tokens == 10)
    #expect(contents.stages == [.prefill: 6, .decode: 4])
    #expect(contents.tasks == ["a": 1])
    #expect(contents.isWeighted && contents.isIntact && contents.isComplete)
    #expect(contents.bytes == bytes.count)
    #expect(contents.chunks == (try chunks(in: bytes).count))
    #expect(try !Self.contents(Self.bytes(finishing: false)).isComplete)
  }

  /// A repaired trace is whole and holds the chunks before the fault.
  @Test func repairKeepsWhatIsWhole() throws {
    let bytes = try Self.bytes()
    for length in [bytes.count * 2 / 3, bytes.count - 1] {
      let cut = Array(bytes[..<length])
      var repair = try TraceRepair(MemorySource(cut), name: "cut")
      let sink = SharedSink()
      let old = try repair.write(to: sink)
      #expect(!(old.isIntact && old.isComplete) && old.chunks > 0)
      let mended = try Self.contents(sink.bytes)
      #expect(mended.isIntact && mended.isComplete)
      #expect(mended.chunks == old.chunks && mended.tokens == old.tokens)
      #expect(
        try chunks(in: sink.bytes).map(\.block) == chunks(in: bytes).prefix(old.chunks).map(\.block)
      )
    }
  }
}

/// A sink whose bytes its maker sees.
final class SharedSink: ByteSink {
  private(set) var bytes: [UInt8] = []
  func write(_ bytes: UnsafeRawBufferPointer) { self.bytes += bytes }
}
