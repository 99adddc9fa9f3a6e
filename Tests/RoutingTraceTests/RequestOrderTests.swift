import LZ4Frame
import TestSupport
import Testing

@testable import RoutingTrace

/// What a trace may say of its requests; read and written.
@Suite struct RequestOrderTests {
  static let shape = try? TraceShape(modelLayers: [0, 3], experts: 9, topK: 2)

  /// What the reader says of a trace of `chunks`, each given by its runs, and the blocks before.
  func read(
    _ chunks: [[WireChunk.Run]], labels: [[RequestLabel]] = []
  ) throws -> (blocks: [TokenBlock], error: TraceError?) {
    let shape = try #require(Self.shape)
    let wire = chunks.enumerated().map { index, runs in
      var chunk = WireChunk()
      chunk.runs = runs
      chunk.labels = index < labels.count ? labels[index] : []
      chunk.fill(shape)
      return chunk
    }
    let read = try TraceFaultTests.blocks(of: WireChunk.trace(wire, shape: shape)).get()
    return (read.blocks, read.error)
  }

  @Test(
    arguments: [
      ([.init(7, 0, 3), .init(7, 2, 2)], "begins at token 2, before token 3"),
      ([.init(7, 0, 3), .init(7, 0, 2)], "begins at token 0, before token 3"),
      ([.init(7, 5, 1), .init(8, 0, 1), .init(7, 4, 1)], "begins at token 4, before token 6"),
      ([.init(7, 0, 1), .init(7, 1, 1, .prefill)], "prefill after a decoded token"),
      ([.init(7, 0, 1, ends: true), .init(7, 1, 1)], "after the request's end"),
      ([.init(7, 0, 1, ends: true), .init(7, 0, 1)], "after the request's end"),
      ([.init(7, 0, 1, ends: true), .init(7, 1, 0, ends: true)], "after the request's end"),
      ([.init(8, 0, 1), .init(7, 0, 0)], "holds no token and does not end the request"),
      ([.init(8, 0, 1), .init(7, 4, 0, ends: true), .init(7, 4, 1)], "after the request's end"),
      ([.init(8, 0, 1), .init(.max, 0, 1)], "number is too high"),
    ] as [([WireChunk.Run], String)])
  func runsThatMeanNothingAreRefused(runs: [WireChunk.Run], problem: String) throws {
    let place = "run \(runs.count - 1), request \(runs[runs.count - 1].request): "
    let within = try #require(try read([[.init(1, 0, 2)], runs]).error)
    #expect(within.problem.hasPrefix(place) && within.problem.contains(problem), "\(within)")
    #expect(within.kind == .corrupt && within.chunk == 1 && within.offset != nil)
    #expect(within.remedy.contains("moecast inspect --repair"))
    // The same where every run has a chunk to itself.
    let across = try read(runs.map { [$0] })
    #expect(across.blocks.count == runs.count - 1)
    #expect(across.error?.chunk == runs.count - 1)
    #expect(across.error?.problem.contains(problem) == true, "\(across)")
  }

  @Test func positionsBeyond32BitsAreRefused() throws {
    let error = try #require(try read([[.init(3, 0, 1), .init(7, .max, 1)]]).error)
    #expect(error.problem == "request 7: its tokens' positions do not fit 32 bits")
    let last = try read([[.init(7, .max - 1, 1)], [.init(7, .max, 0, ends: true)]])
    #expect(last.error == nil && last.blocks.count == 2)
  }

  /// A beginning that is not there, a gap, an end without a token and its stage, many requests at
  /// once.
  @Test func whatMeansSomethingIsRead() throws {
    let chunks: [[WireChunk.Run]] = [
      [.init(5, 40, 2, .prefill), .init(2, 0, 1, .prefill), .init(5, 42, 1)],
      [.init(2, 9, 1), .init(9, 0, 0, .prefill, ends: true), .init(5, 50, 2, ends: true)],
      [.init(2, 10, 0, .prefill, ends: true), .init(4, 8, 0, ends: true)], [],
    ]
    let (blocks, error) = try read(chunks)
    #expect(error == nil)
    #expect(blocks.map(\.runs.count) == chunks.map(\.count))
  }

  @Test func labelsStandOnceWhereTheirRequestBegins() throws {
    let label = RequestLabel(request: 7, name: "n", task: "t")
    let runs: [[WireChunk.Run]] = [[.init(1, 0, 1), .init(7, 3, 1)], [.init(7, 4, 1)]]
    #expect(try read(runs, labels: [[label]]).error == nil)
    let cases = [
      ([[label, RequestLabel(request: 7, task: "u")]], "request 7: it is labelled twice"),
      ([[RequestLabel(request: 8)]], "request 8: it is labelled where it has no run"),
      ([[], [label]], "request 7: its label comes after the chunk in which it began"),
      ([[label], [label]], "request 7: its label comes after the chunk in which it began"),
    ]
    for (labels, problem) in cases {
      let error = try read(runs, labels: labels).error
      #expect(error?.problem == problem)
      #expect(error?.chunk == labels.count - 1)
    }
  }

  /// Requests are forgotten, the longest unheard of first, and memory stays bounded.
  @Test func whatWasForgottenIsNotNoticed() throws {
    func run(_ request: UInt64, _ first: Int, ends: Bool = false) -> TokenRun {
      TokenRun(request: request, stage: .decode, firstToken: first, count: 1, endsRequest: ends)
    }
    let memory = UInt64(RequestOrder.memory)
    var order = RequestOrder()
    try order.take([run(0, 0, ends: true), run(1, 9)], labels: [])
    for request in 2...memory {
      try order.take([run(request, 0), run(1, Int(9 + request))], labels: [])
    }
    // Still known: as many others were heard of as are remembered.
    #expect(throws: BlockError.self) { try order.take([run(0, 0)], labels: []) }
    for request in memory + 1...3 * memory {
      try order.take([run(request, 0), run(1, Int(9 + request))], labels: [])
    }
    try order.take([run(0, 0)], labels: [])
    #expect(throws: BlockError.self) { try order.take([run(1, 9)], labels: []) }
    let tables = Mirror(reflecting: order).children.compactMap { $0.value as? any Collection }
    #expect(tables.count == 2)
    #expect(tables.allSatisfy { $0.count <= RequestOrder.memory })
  }

  @Test func joinedTracesMayNumberAlike() throws {
    let shape = try #require(Self.shape)
    var chunk = WireChunk()
    chunk.runs = [.init(0, 0, 2, ends: true)]
    chunk.fill(shape)
    let trace = try WireChunk.trace([chunk], shape: shape)
    let read = try TraceFaultTests.blocks(of: trace + trace).get()
    #expect(read.error == nil)
    #expect(read.blocks.flatMap { $0.runs.map(\.request) } == [0, 1])
  }

  @Test func theIndexCountsRequests() throws {
    let (bytes, _) = try TraceFaultTests.sample()
    var frames = FrameReader(MemorySource(bytes))
    let buffer = FrameBuffer()
    var end = 0
    var index: [UInt8] = []
    while let frame = try frames.next(into: buffer) {
      if case .skippable(_, let count) = frame {
        index = Array(buffer.bytes(count))
      } else {
        end = frames.offset
      }
    }
    index[8] += 1
    let sum = xxh32(Array(index.dropLast(4)))
    withUnsafeBytes(of: sum.littleEndian) { index.replaceSubrange((index.count - 4)..., with: $0) }
    var writer = FrameWriter(MemorySink())
    try writer.writeSkippable(variant: TraceIndex.variant, index)
    let error = try TraceFaultTests.blocks(of: Array(bytes[..<end]) + writer.sink.bytes).get().error
    #expect(error?.problem.contains("4 requests") == true, "\(String(describing: error))")
  }

  /// Every meaningless trace ends at its fault; its writer, too, would have refused it.
  @Test(arguments: MeaninglessTrace.Fault.allCases)
  func noFaultPasses(_ fault: MeaninglessTrace.Fault) throws {
    var random = SplitMix64(seed: 14)
    for _ in 0..<40 {
      let trace = try MeaninglessTrace(fault, using: &random)
      let read = try TraceFaultTests.blocks(of: trace.bytes).get()
      #expect(read.error?.chunk == trace.faulty, "\(String(describing: read.error))")
      #expect(read.blocks.count == trace.faulty)
      #expect(try TraceFaultTests.blocks(of: trace.intact).get().blocks == read.blocks)
    }
  }

  /// The same without a fault is read and written to the same blocks.
  @Test func whatMeansSomethingIsWrittenAndRead() throws {
    var random = SplitMix64(seed: 15)
    for _ in 0..<200 {
      let trace = try MeaninglessTrace(nil, using: &random)
      let read = try TraceFaultTests.blocks(of: trace.bytes).get()
      #expect(read.error == nil, "\(String(describing: read.error))")
      #expect(read.blocks.count == trace.chunks.count)
      var writer = try TraceWriter(MemorySink(), header: TraceHeader(shape: trace.shape))
      for block in read.blocks { try writer.append(block) }
      try writer.finish()
      #expect(try TraceFaultTests.blocks(of: writer.sink.bytes).get().blocks == read.blocks)
    }
  }
}
