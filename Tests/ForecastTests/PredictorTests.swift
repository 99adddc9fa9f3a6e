import Counting
import Counting
import Forecast
import Foundation
import RoutingTrace
import TestSupport
import Testing

/// The formulas of the predictors' comments, written out plainly.
@Suite struct PredictorTests {
  /// The counting predictors that ship with moecast.
  static var all: [any CountingPredictor] {
    PredictorCatalog.counting.compactMap { PredictorCatalog.standard.spec(named: $0)?.predictor }
  }

  /// Every forecast of `name` on a random trace, beside the plain formula's.
  static func compare(
    _ name: String, plain: (_ counts: LayerCounts, _ earlier: [Int], _ before: [Int]) -> [Double]
  ) throws {
    let shape = try TraceShape(modelLayers: [0, 1, 2], experts: 9, topK: 3)
    var random = SplitMix64(seed: 11)
    let requests = (0..<4).map { _ in
      RequestTrace.random(shape: shape, prefill: 5, decode: 9, empty: 0.2, using: &random)
    }
    let predictor = try #require(PredictorCatalog.standard.spec(named: name)?.predictor)
    for layer in 0..<3 {
      var counts = LayerCounts(experts: 9, tables: [.layerPairs, .tokenPairs])
      var live = RequestBook()
      for chunk in try chunks(of: requests, shape: shape, chunkTokens: 5) {
        let block = live.resolve(chunk.block)
        block.withLayer(layer) { view in
          for token in 0..<view.tokens {
            let event = view.event(token)
            let expected = plain(counts, list(event.earlierLayer(1)), list(event.previousToken))
            let forecast = forecast(predictor, event, &counts)
            for j in 0..<9 {
              #expect(abs(forecast[j] - expected[j]) < 1e-14, "\(name), layer \(layer)")
            }
            #expect(abs(forecast.reduce(0, +) - 1) < 1e-12)
            counts.withLearner { $0.learn(event) }
          }
        }
      }
    }
  }

  static func list(_ set: ExpertSet) -> [Int] { (0..<set.count).map { set[$0] } }

  static func forecast(
    _ predictor: any CountingPredictor, _ event: Event, _ counts: inout LayerCounts
  ) -> [Double] {
    var prior = [Double](repeating: 0, count: counts.experts)
    var result = prior
    prior.withUnsafeMutableBufferPointer { prior in
      result.withUnsafeMutableBufferPointer { result in
        counts.withView { counts in
          counts.prior(into: prior)
          predictor.forecast(event, counts: counts, prior: prior, into: result)
        }
      }
    }
    return result
  }

  static func prior(_ counts: LayerCounts) -> [Double] {
    let total = Double(counts.frequency.reduce(0, +)) + Double(counts.experts) / 2
    return counts.frequency.map { (Double($0) + 0.5) / total }
  }

  static func row(_ table: [UInt32]?, _ i: Int, _ prior: [Double]) -> [Double] {
    let row = Array(table ?? [])[i * prior.count..<(i + 1) * prior.count]
    let total = Double(row.reduce(0, +)) + 2
    return zip(row, prior).map { (Double($0) + 2 * $1) / total }
  }

  static func mean(
    _ table: [UInt32]?, _ given: [Int], _ prior: [Double]
  ) -> [Double] {
    guard !given.isEmpty else { return prior }
    let rows = given.map { row(table, $0, prior) }
    return prior.indices.map { j in rows.map { $0[j] }.reduce(0, +) / Double(given.count) }
  }

  @Test func frequency() throws {
    try Self.compare("frequency") { counts, _, _ in Self.prior(counts) }
  }

  @Test func layerMarkov() throws {
    try Self.compare("layer-markov") { counts, earlier, _ in
      Self.mean(counts.layerPairs, earlier, Self.prior(counts))
    }
  }

  @Test func tokenMarkov() throws {
    try Self.compare("token-markov") { counts, _, before in
      Self.mean(counts.tokenPairs, before, Self.prior(counts))
    }
  }

  @Test func layerProduct() throws {
    try Self.compare("layer-product") { counts, earlier, _ in
      let prior = Self.prior(counts)
      let products = prior.indices.map { j in
        earlier.reduce(prior[j]) { $0 * Self.row(counts.layerPairs, $1, prior)[j] / prior[j] }
      }
      return products.map { $0 / products.reduce(0, +) }
    }
  }

  @Test func everyNameIsFoundOnce() {
    let names = PredictorCatalog.standard.names
    #expect(Set(names).count == names.count)
    for name in names { #expect(PredictorCatalog.standard.spec(named: name)?.name == name) }
    #expect(PredictorCatalog.standard.spec(named: "oracle") == nil)
    #expect(throws: PredictorNameError.repeated("frequency")) {
      try PredictorCatalog.standard.specs(named: ["frequency", "frequency"])
    }
    #expect(throws: PredictorNameError.unknown("oracle", known: names)) {
      try PredictorCatalog.standard.specs(named: ["frequency", "oracle"])
    }
  }
}
