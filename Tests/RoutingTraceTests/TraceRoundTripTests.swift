import LZ4Frame
import RoutingTrace
import TestSupport
import Testing

@Suite struct TraceRoundTripTests {
  /// Reads a trace back to whole requests, token-major, in order of their numbers.
  static func read(_ bytes: [UInt8]) throws -> (requests: [UInt64: RequestTrace], complete: Bool) {
    var reader = try TraceReader(MemorySource(bytes), name: "memory")
    var requests: [UInt64: RequestTrace] = [:]
    while let chunk = try reader.next() {
      let block = chunk.block
      var first = 0
      for run in block.runs {
        var request =
          requests[run.request]
          ?? RequestTrace(prefill: 0, ids: [], weights: block.weights == nil ? nil : [])
        if run.stage == .prefill { request.prefill += run.count }
        for token in first..<first + run.count {
          for layer in 0..<block.shape.layers {
            let at = (layer * block.tokens + token) * block.shape.topK
            request.ids += block.ids[at..<at + block.shape.topK]
            if let weights = block.weights {
              request.weights?.append(contentsOf: weights[at..<at + block.shape.topK])
            }
          }
        }
        first += run.count
        requests[run.request] = request
      }
      for label in block.labels {
        requests[label.request]?.name = label.name
        requests[label.request]?.task = label.task
      }
    }
    return (requests, reader.index != nil)
  }

  static func write(
    _ requests: [RequestTrace], shape: TraceShape, chunkTokens: Int
  ) throws -> [UInt8] {
    var writer = try TraceWriter(
      MemorySink(), header: TraceHeader(shape: shape), chunkTokens: chunkTokens)
    for request in requests { try writer.append(request) }
    try writer.finish()
    return writer.sink.bytes
  }

  @Test(arguments: 1...16, [17, 255, 256, 300])
  func everyTopKAndIdWidth(topK: Int, experts: Int) throws {
    var random = SplitMix64(seed: UInt64(topK * 1000 + experts))
    let shape = try TraceShape(
      model: "m", modelLayers: [1, 3, 4], experts: experts, topK: topK)
    for weighted in [false, true] {
      for empty in [0.0, 0.3] {
        let requests = [(0, 0), (1, 0), (0, 1), (9, 14)].enumerated().map { index, counts in
          RequestTrace.random(
            shape: shape, prefill: counts.0, decode: counts.1, weighted: weighted, empty: empty,
            name: "request \(index)", task: index % 2 == 0 ? "math" : "", using: &random)
        }
        let bytes = try Self.write(requests, shape: shape, chunkTokens: 4)
        let (read, complete) = try Self.read(bytes)
        #expect(complete)
        #expect(read.count == requests.count)
        for (number, request) in requests.enumerated() {
          #expect(read[UInt64(number)] == request)
        }
      }
    }
  }

  @Test func interleavedRequestsKeepTheirOrder() throws {
    let shape = try TraceShape(modelLayers: [0, 1], experts: 8, topK: 2)
    var random = SplitMix64(seed: 5)
    let requests = (0..<3).map { _ in
      RequestTrace.random(shape: shape, prefill: 0, decode: 10, using: &random)
    }
    var writer = try TraceWriter(
      MemorySink(), header: TraceHeader(shape: shape), chunkTokens: 7)
    for token in 0..<10 {
      for (number, request) in requests.enumerated() {
        let at = token * shape.idsPerToken
        try writer.append(
          TokenRun(
            request: UInt64(number), stage: .decode, firstToken: token, count: 1,
            endsRequest: token == 9), ids: request.ids[at..<at + shape.idsPerToken])
      }
    }
    try writer.finish()
    #expect(writer.index.requests == 3)
    let (read, _) = try Self.read(writer.sink.bytes)
    #expect((0..<3).map { read[UInt64($0)] } == requests)
  }

  @Test func sameCallsSameBytes() throws {
    let shape = try TraceShape(modelLayers: [0], experts: 4, topK: 1)
    var random = SplitMix64(seed: 1)
    let request = RequestTrace.random(shape: shape, prefill: 5, decode: 5, using: &random)
    #expect(
      try Self.write([request], shape: shape, chunkTokens: 3)
        == Self.write([request], shape: shape, chunkTokens: 3))
  }

  @Test func joinedTracesReadAsOne() throws {
    let shape = try TraceShape(modelLayers: [0, 2], experts: 12, topK: 3)
    var random = SplitMix64(seed: 2)
    let requests = (0..<4).map { _ in
      RequestTrace.random(shape: shape, prefill: 3, decode: 4, using: &random)
    }
    let joined =
      try Self.write(Array(requests[..<2]), shape: shape, chunkTokens: 5)
      + Self.write(Array(requests[2...]), shape: shape, chunkTokens: 5)
    let (read, _) = try Self.read(joined)
    #expect((0..<4).map { read[UInt64($0)] } == requests)
  }

  @Test func aShapeThatCannotBeIsRefused() {
    #expect(throws: ShapeError.self) { try TraceShape(modelLayers: [], experts: 4, topK: 1) }
    #expect(throws: ShapeError.self) { try TraceShape(modelLayers: [1, 1], experts: 4, topK: 1) }
    #expect(throws: ShapeError.self) { try TraceShape(modelLayers: [0], experts: 4, topK: 5) }
  }
}
