import LZ4Frame
import RoutingTrace
import TestSupport
import Testing

/// Chunks are checked many ids at a time; each id must be looked at, wherever the ids begin.
@Suite struct ChunkVerifierTests {
  /// The frames of a trace of one chunk, whose ids can be altered below its checksums.
  struct OneChunk {
    let header: [UInt8]
    let payload: [UInt8]
    let ids: Range<Int>

    /// - Parameter runs: moves the ids by 24 bytes each.
    init(shape: TraceShape, tokens: Int, runs: Int) throws {
      var random = SplitMix64(seed: UInt64(shape.topK * 100 + runs))
      var writer = try TraceWriter(
        MemorySink(), header: TraceHeader(shape: shape), chunkTokens: tokens)
      for run in 0..<runs {
        let count = run == 0 ? tokens - runs + 1 : 1
        try writer.append(
          RequestTrace.random(shape: shape, prefill: count, decode: 0, using: &random))
      }
      try writer.finish()
      var frames = FrameReader(MemorySource(writer.sink.bytes))
      let buffer = FrameBuffer()
      var contents: [[UInt8]] = []
      while case .data(let count, _)? = try frames.next(into: buffer) {
        contents.append(Array(buffer.bytes(count)))
      }
      header = contents[0]
      payload = contents[1]
      let start = Int(payload[4]) | Int(payload[5]) << 8
      ids = start..<start + tokens * shape.idsPerToken
    }

    /// What a reader makes of the chunk with `payload`.
    func read(_ payload: [UInt8]) throws -> (blocks: [TokenBlock], error: TraceError?) {
      var writer = FrameWriter(MemorySink())
      try writer.writeData(header)
      try writer.writeData(payload)
      let read = try TraceFaultTests.blocks(of: writer.sink.bytes).get()
      return (read.blocks, read.error)
    }
  }

  @Test(arguments: Array(1...17) + [24], [1, 2])
  func everyIDIsLookedAt(topK: Int, runs: Int) throws {
    let shape = try TraceShape(modelLayers: [0, 1, 2], experts: 200, topK: topK)
    let chunk = try OneChunk(shape: shape, tokens: 37, runs: runs)
    let intact = try chunk.read(chunk.payload)
    #expect(intact.error == nil)
    #expect(intact.blocks.first?.isFull == true)
    #expect(
      intact.blocks.first?.ids.elementsEqual(chunk.payload[chunk.ids].map(UInt16.init)) == true)
    for at in 0..<chunk.ids.count {
      var outside = chunk.payload
      outside[chunk.ids.lowerBound + at] = 200
      let error = try chunk.read(outside).error
      #expect(error?.problem.contains("expert 200 is outside 0 to 199") == true)
      guard topK > 1 else { continue }
      // Every distance is met at every place, over all events.
      let slot = at % topK
      let other = (slot + 1 + at / topK % (topK - 1)) % topK
      var twice = chunk.payload
      twice[chunk.ids.lowerBound + at] = twice[chunk.ids.lowerBound + at - slot + other]
      #expect(try chunk.read(twice).error?.problem.contains("is chosen twice") == true)
    }
  }

  /// Ids that were hashed as they were decoded go another way than those behind them.
  @Test(arguments: Array(1...16))
  func idsHashedBeforeAreLookedAt(topK: Int) throws {
    let shape = try TraceShape(modelLayers: [0, 1, 2], experts: 200, topK: topK)
    let chunk = try OneChunk(shape: shape, tokens: 1200, runs: 1)
    var payload = chunk.payload
    var random = SplitMix64(seed: UInt64(topK))
    for event in 40..<chunk.ids.count / topK where random.next() % 4 != 0 {
      // Events that stood before are what compresses.
      let at = chunk.ids.lowerBound + event * topK
      let earlier = at - (1 + Int(random.next() % 30)) * topK
      for slot in 0..<topK { payload[at + slot] = payload[earlier + slot] }
    }
    let intact = try chunk.read(payload)
    #expect(intact.error == nil)
    #expect(intact.blocks.first?.ids.elementsEqual(payload[chunk.ids].map(UInt16.init)) == true)
    for at in stride(from: 0, to: chunk.ids.count, by: 37) {
      var outside = payload
      outside[chunk.ids.lowerBound + at] = 200
      #expect(
        try chunk.read(outside).error?.problem.contains("expert 200 is outside 0 to 199") == true)
      guard topK > 1 else { continue }
      let slot = at % topK
      let other = (slot + 1 + at / topK % (topK - 1)) % topK
      var twice = payload
      twice[chunk.ids.lowerBound + at] = twice[chunk.ids.lowerBound + at - slot + other]
      #expect(try chunk.read(twice).error?.problem.contains("is chosen twice") == true)
    }
  }

  @Test(arguments: [255, 256])
  func theLargestByteIsAnExpertOrAnEmptySlot(experts: Int) throws {
    let shape = try TraceShape(modelLayers: [0, 1, 2], experts: experts, topK: 4)
    let chunk = try OneChunk(shape: shape, tokens: 50, runs: 1)
    var last = chunk.payload
    for at in chunk.ids { last[at] = [1, 2, 3, 255][(at - chunk.ids.lowerBound) % 4] }
    let block = try #require(try chunk.read(last).blocks.first)
    #expect(block.isFull == (experts == 256))
    #expect(block.ids[3] == (experts == 256 ? 255 : TokenBlock.emptySlot))
  }
}
