import Forecast
import Prequential
import RoutingTrace
import TestSupport
import Testing

@Suite struct ComparisonTests {
  static let predictors = ["frequency", "layer-markov", "mixture-fast"]

  static func comparison(shuffled: Bool = false) throws -> Comparison {
    let shape = try TraceShape(modelLayers: [0, 1, 2], experts: 10, topK: 3)
    var random = SplitMix64(seed: 6)
    let requests = (0..<30).map { _ in
      RequestTrace.random(shape: shape, prefill: 5, decode: 20, using: &random)
    }
    var comparison = try Comparison(shape: shape, predictors: predictors)
    var shuffling = SplitMix64(seed: 1)
    for chunk in try chunks(of: requests, shape: shape, chunkTokens: 200) {
      if shuffled {
        try comparison.consumeShuffled(chunk, using: &shuffling)
      } else {
        try comparison.consume(chunk)
      }
    }
    return comparison
  }

  @Test func figuresAreThoseOfALearner() throws {
    let comparison = try Self.comparison()
    for predictor in Self.predictors.indices {
      for stages in [[Stage.prefill], [.decode], Stage.allCases] {
        let score = comparison.learner.score(of: predictor, stages: stages)
        let estimates = try #require(
          comparison.estimates(of: predictor, stages: stages, resamples: 200, seed: 1))
        for (n, estimate) in zip(comparison.recallAt, estimates.recall) {
          #expect(abs(estimate.value - (score.recall(at: n) ?? 0)) < 1e-12)
          #expect(estimate.low <= estimate.value && estimate.value <= estimate.high)
          if n < 10 { #expect(estimate.low < estimate.high) }
        }
        #expect(abs(estimates.logLossBits.value - (score.logLossBits ?? 0)) < 1e-9)
      }
    }
  }

  @Test func theSameSeedDrawsTheSameIntervals() throws {
    let comparison = try Self.comparison()
    func interval(_ seed: UInt64) throws -> Comparison.Estimate {
      try #require(
        comparison.estimates(of: 1, stages: Stage.allCases, resamples: 100, seed: seed)
      ).logLossBits
    }
    #expect(try interval(4) == interval(4))
    #expect(try interval(4) != interval(5))
  }

  @Test func nothingIsLeftToLearnWhenShuffled() throws {
    let comparison = try Self.comparison(shuffled: true)
    let recall = Self.predictors.indices.map {
      comparison.learner.score(of: $0, stages: Stage.allCases).recall(at: 3) ?? 0
    }
    #expect(abs(recall[1] - recall[0]) < 0.04)
    #expect(abs(recall[2] - recall[0]) < 0.04)
    let straight = try Self.comparison().learner
    #expect((straight.score(of: 2, stages: Stage.allCases).recall(at: 3) ?? 0) > recall[2] + 0.05)
  }
}
