import Counting
import RoutingTrace
import TestSupport
import Testing

@testable import Forecast

/// A request that is followed event by event is forecast as the same request is in the pass over
/// chunks.
@Suite struct SessionTests {
  static func shape() throws -> TraceShape {
    try TraceShape(modelLayers: [0, 1, 2, 5, 6], experts: 12, topK: 2)
  }

  static func requests(_ count: Int, seed: UInt64, empty: Double = 0) throws -> [RequestTrace] {
    var random = SplitMix64(seed: seed)
    let shape = try shape()
    return (0..<count).map { _ in
      RequestTrace.random(shape: shape, prefill: 10, decode: 30, empty: empty, using: &random)
    }
  }

  /// A mixture that has learnt some requests.
  static func mixture(_ name: String) throws -> Mixture {
    var mixture = Mixture(shape: try shape(), options: try #require(MixtureOptions(name: name)))
    var book = RequestBook()
    for chunk in try chunks(of: requests(20, seed: 3), shape: shape(), chunkTokens: 100) {
      mixture.process(book.resolve(chunk.block)) { _, _ in }
    }
    return mixture
  }

  /// Every event's forecast in the pass over chunks, `[layer][token]`.
  static func passed(
    _ request: RequestTrace, by mixture: Mixture, chunkTokens: Int
  ) throws -> [[[Double]]] {
    var mixture = mixture.withoutRequests
    var book = RequestBook()
    nonisolated(unsafe) var passed: [[[Double]]] = Array(repeating: [], count: 5)
    for chunk in try chunks(of: [request], shape: shape(), chunkTokens: chunkTokens) {
      mixture.process(book.resolve(chunk.block), learns: false) { event, probabilities in
        passed[event.layer].append(Array(probabilities))
      }
    }
    return passed
  }

  static func chosen(_ request: RequestTrace, token: Int, layer: Int) -> [UInt16] {
    let at = (token * 5 + layer) * 2
    return request.ids[at..<at + 2].filter { $0 != TokenBlock.emptySlot }
  }

  @Test(
    arguments: [
      "mixture", "mixture-fast", "mixture-all", "mixture:cold-decode", "mixture:only-long-paths",
      "mixture:h2", "mixture:h4", "mixture:next", "mixture-fast:next", "mixture:only-recent",
      "mixture-fast:with-request:h3",
    ], [0, 0.2])
  func forecastsAreThoseOfThePass(name: String, empty: Double) throws {
    let mixture = try Self.mixture(name)
    let horizon = mixture.options.horizon
    // One session after another of the same mixture: they leave nothing to each other.
    for request in try Self.requests(2, seed: 9, empty: empty) {
      let passed = try Self.passed(request, by: mixture, chunkTokens: 17)
      let session = mixture.session()
      for token in 0..<40 {
        try mixture.open(token < 10 ? .prefill : .decode, in: session)
        for known in 0..<5 {
          // Every layer within reach, the nearest and the farthest among them.
          let reach = horizon == 0 ? known..<5 : known..<min(5, known + horizon)
          for layer in reach {
            let forecast = Array(try mixture.forecast(layer, in: session))
            #expect(forecast == passed[layer][token], "\(name), token \(token), layer \(layer)")
          }
          try mixture.observe(
            Self.chosen(request, token: token, layer: known), layer: known, in: session)
        }
        try mixture.close(session)
      }
      #expect(session.tokens == 40)
    }
  }

  /// The predictors that count give in a session what their formula gives of the pass's events.
  @Test func countingPredictorsToo() throws {
    var counts = try (0..<5).map { _ in
      LayerCounts(experts: try Self.shape().experts, tables: [.layerPairs, .tokenPairs])
    }
    var book = RequestBook()
    for chunk in try chunks(of: Self.requests(5, seed: 3), shape: Self.shape()) {
      let block = book.resolve(chunk.block)
      for layer in 0..<5 { block.withLayer(layer) { counts[layer].learn($0) } }
    }
    let request = try #require(try Self.requests(1, seed: 4).first)
    for predictor in PredictorTests.all {
      let session = predictor.session(shape: try Self.shape())
      for token in 0..<40 {
        try session.open(.decode)
        for layer in 0..<5 {
          let forecast = Array(try predictor.forecast(layer, from: counts[layer], in: session))
          var own = RequestBook()
          for chunk in try chunks(of: [request], shape: Self.shape()) {
            own.resolve(chunk.block).withLayer(layer) {
              let pass = PredictorTests.forecast(predictor, $0.event(token), &counts[layer])
              #expect(forecast == pass)
            }
          }
          try session.observe(Self.chosen(request, token: token, layer: layer), layer: layer)
        }
        try session.close()
      }
    }
  }

  @Test func whatIsOutOfOrderIsRefused() throws {
    let mixture = try Self.mixture("mixture:h2")
    let session = mixture.session()
    func refusal(_ body: () throws -> Void) -> SessionError? {
      do { try body() } catch { return error as? SessionError }
      return nil
    }
    #expect(refusal { _ = try mixture.forecast(0, in: session) } == .notOpen)
    #expect(refusal { try mixture.observe([1], layer: 0, in: session) } == .notOpen)
    #expect(refusal { try mixture.close(session) } == .notOpen)
    try mixture.open(.decode, in: session)
    #expect(refusal { try mixture.open(.decode, in: session) } == .notClosed)
    #expect(refusal { _ = try mixture.forecast(2, in: session) } == .layer(2, expected: 0..<2))
    #expect(
      refusal { try mixture.observe([1], layer: 1, in: session) } == .layer(1, expected: 0..<1))
    #expect(
      refusal { try mixture.observe([12], layer: 0, in: session) } == .expert(12, experts: 12))
    #expect(refusal { try mixture.observe([3, 3], layer: 0, in: session) } == .repeated(3))
    #expect(
      refusal { try mixture.observe([1, 2, 3], layer: 0, in: session) } == .tooMany(3, topK: 2))
    // None of it counted.
    try mixture.observe([1, 2], layer: 0, in: session)
    #expect(refusal { _ = try mixture.forecast(0, in: session) } == .layer(0, expected: 1..<5))
    #expect(refusal { try mixture.close(session) } == .layer(1, expected: 1..<5))
    for layer in 1..<5 { try mixture.observe([1, 2], layer: layer, in: session) }
    #expect(
      refusal { try mixture.observe([1], layer: 5, in: session) } == .layer(5, expected: 5..<5))
    try mixture.close(session)
    #expect(SessionError.layer(2, expected: 0..<2).description.contains("layers 0 to 1 are open"))
    #expect(SessionError.layer(3, expected: 1..<2).description.contains("layer 1 is next"))
  }
}
