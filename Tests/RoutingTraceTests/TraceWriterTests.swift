import LZ4Frame
import TestSupport
import Testing

@testable import RoutingTrace

/// A writer writes nothing that a reader refuses.
@Suite struct TraceWriterTests {
  let shape: TraceShape
  var writer: TraceWriter<MemorySink>

  init() throws {
    shape = try TraceShape(modelLayers: [0, 3], experts: 9, topK: 2)
    writer = try TraceWriter(MemorySink(), header: TraceHeader(shape: shape), chunkTokens: 4)
  }

  mutating func append(
    _ request: UInt64, _ first: Int, _ count: Int, _ stage: Stage = .decode, ends: Bool = false,
    label: RequestLabel? = nil, weight: Float16? = nil
  ) throws {
    let ids = (0..<max(0, count) * shape.idsPerToken).map { UInt16($0 % shape.topK) }
    try writer.append(
      TokenRun(
        request: request, stage: stage, firstToken: first, count: count, endsRequest: ends),
      label: label, ids: ids[...], weights: weight.map { weight in ids.map { _ in weight }[...] })
  }

  @Test mutating func runsThatMeanNothingAreRefusedAndTheRestIsWritten() throws {
    try append(0, 0, 3, .prefill, label: RequestLabel(request: 0, task: "t"))
    try append(1, 7, 2)
    try append(2, 0, 1, ends: true)
    for (request, first, count, stage, ends) in [
      (0, 2, 2, .prefill, false), (1, 9, 1, .prefill, false), (1, 0, 1, .decode, false),
      (2, 1, 1, .decode, false), (2, 0, 1, .decode, true), (3, 0, 0, .decode, false),
      (3, -1, 1, .decode, false), (3, Int(UInt32.max), 1, .decode, false),
      (.max, 0, 1, .decode, false),
    ] as [(UInt64, Int, Int, Stage, Bool)] {
      #expect(throws: BlockError.self, "\(request) \(first)") {
        try append(request, first, count, stage, ends: ends)
      }
    }
    for label in [RequestLabel(request: 0, task: "u"), RequestLabel(request: 4, task: "u")] {
      #expect(throws: BlockError.self) { try append(0, 3, 1, label: label) }
    }
    try append(0, 3, 1, .decode, ends: true)
    try append(1, 12, 0, ends: true)
    try writer.finish()
    let read = try TraceFaultTests.blocks(of: writer.sink.bytes).get()
    #expect(read.complete)
    #expect(read.blocks.reduce(0) { $0 + $1.tokens } == 7)
  }

  @Test(arguments: [Float16.nan, .infinity, -.infinity])
  mutating func weightsThatAreNoNumbersAreNotWritten(_ weight: Float16) throws {
    try append(0, 0, 2, weight: -3)
    try append(0, 2, 1, weight: weight)
    let error = #expect(throws: BlockError.self) { try writer.finish() }
    #expect(
      error?.description
        == "request 0, token 2, layer 0: gate weight \(weight) is not a finite number")
    #expect(throws: BlockError.self) { try writer.finish() }
    #expect(try TraceFaultTests.blocks(of: writer.sink.bytes).get().blocks == [])
  }

  @Test mutating func aRequestWithoutPromptKeepsItsLabel() throws {
    var random = SplitMix64(seed: 1)
    let request = RequestTrace.random(
      shape: shape, prefill: 0, decode: 9, name: "n", task: "t", using: &random)
    try writer.append(request)
    try writer.append(RequestTrace(name: "nothing", prefill: 0, ids: []))
    try writer.finish()
    let read = try TraceRoundTripTests.read(writer.sink.bytes)
    #expect(read.requests[0] == request)
    #expect(read.requests[1]?.name == "nothing")
  }

  /// Chunks end before they are larger than is read, by their ids or by their labels.
  @Test func chunksStayBelowWhatIsRead() throws {
    let wide = try TraceShape(modelLayers: Array(0..<4096), experts: 32768, topK: 64)
    var writer = try TraceWriter(
      MemorySink(), header: TraceHeader(shape: wide), chunkTokens: 1 << 20)
    let token = (0..<wide.idsPerToken).map { UInt16($0 % 64) }
    for first in 0..<450 {
      try writer.append(
        TokenRun(request: 0, stage: .decode, firstToken: first, count: 1), ids: token[...])
    }
    #expect(writer.index.offsets.count == 1)
    try writer.finish()
    let sizes = try payloadSizes(writer.sink.bytes)
    #expect(sizes.count == 2 && sizes.allSatisfy { $0 <= TokenBlock.largestPayload })
    var labels = try TraceWriter(MemorySink(), header: TraceHeader(shape: shape))
    let text = String(repeating: "x", count: 65_000)
    for _ in 0..<600 {
      try labels.append(RequestTrace(name: text, task: text, prefill: 0, ids: []))
    }
    #expect(labels.index.offsets.count > 1)
  }

  private func payloadSizes(_ bytes: [UInt8]) throws -> [Int] {
    var frames = FrameReader(MemorySource(bytes))
    let buffer = FrameBuffer()
    var sizes: [Int] = []
    while case .data(let count, _)? = try frames.next(into: buffer) { sizes.append(count) }
    return Array(sizes.dropFirst())
  }

  /// What is larger than is read is written in parts that say the same.
  @Test func aBlockThatIsTooLargeIsWrittenInParts() throws {
    let wide = try TraceShape(modelLayers: Array(0..<1024), experts: 300, topK: 64)
    let tokens = TokenBlock.largestPayload / (2 * wide.idsPerToken) + 2
    let runs = [
      TokenRun(request: 3, stage: .prefill, firstToken: 0, count: tokens - 5),
      TokenRun(request: 9, stage: .decode, firstToken: 8, count: 0, endsRequest: true),
      TokenRun(request: 3, stage: .decode, firstToken: tokens, count: 5, endsRequest: true),
    ]
    let labels = [RequestLabel(request: 3, task: "t"), RequestLabel(request: 9, task: "u")]
    let ids = [UInt16](unsafeUninitializedCapacity: tokens * wide.idsPerToken) { ids, count in
      count = ids.count
      for at in 0..<count { ids[at] = UInt16((at % 64 + at / 6400) % 300) }
    }
    let block = try TokenBlock(shape: wide, runs: runs, labels: labels, ids: ids)
    var writer = try TraceWriter(
      MemorySink(), header: TraceHeader(shape: wide), chunkTokens: 1000)
    try writer.append(block)
    try writer.finish()
    let parts = try TraceFaultTests.blocks(of: writer.sink.bytes).get().blocks
    #expect(parts.map(\.tokens) == [1000, 1000, tokens - 2000])
    #expect(parts.flatMap(\.labels) == labels)
    #expect(parts.flatMap(\.runs).map(\.count).reduce(0, +) == tokens)
    var first = 0
    for part in parts {
      for token in [0, part.tokens - 1] {
        for layer in [0, 1023] {
          #expect(
            part.chosen(layer: layer, token: token).elementsEqual(
              block.chosen(layer: layer, token: first + token)))
        }
      }
      first += part.tokens
    }
  }
}
