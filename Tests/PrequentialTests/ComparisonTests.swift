import Forecast
import LZ4Frame
import RoutingTrace
import TestSupport
import Testing

@testable import Prequential

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

  /// Requests interleaved token by token, some of which come back under their number after they
  /// ended.
  static func interleaved(chunkTokens: Int, workers: Int) throws -> Comparison {
    let shape = try TraceShape(modelLayers: [0, 1], experts: 9, topK: 2)
    var random = SplitMix64(seed: 9)
    var comparison = try Comparison(shape: shape, predictors: predictors + ["mixture"])
    for round in 0..<2 {
      // A number comes back in another trace only.
      var writer = try TraceWriter(
        MemorySink(), header: TraceHeader(shape: shape), chunkTokens: chunkTokens)
      for token in 0..<6 {
        for request in 0..<10 {
          let trace = RequestTrace.random(shape: shape, prefill: 0, decode: 1, using: &random)
          let run = TokenRun(
            request: UInt64(request), stage: token < 3 ? .prefill : .decode,
            firstToken: token, count: 1, endsRequest: token == 5 && (round == 0 || request > 4))
          try writer.append(run, ids: trace.ids[...])
        }
      }
      try writer.finish()
      for chunk in try chunks(in: writer.sink.bytes) {
        try comparison.consume(chunk, workers: workers)
      }
    }
    return comparison
  }

  /// Neither chunks nor threads change a figure or an interval; a number that comes back is another
  /// request.
  @Test func chunksAndThreadsChangeNothing() throws {
    func figures(_ chunkTokens: Int, _ workers: Int) throws -> [Comparison.Estimate] {
      let comparison = try Self.interleaved(chunkTokens: chunkTokens, workers: workers)
      return try [[Stage.prefill], [.decode], Stage.allCases].flatMap { stages in
        try comparison.learner.predictors.indices.flatMap { predictor in
          let own = try #require(
            comparison.estimates(of: predictor, stages: stages, resamples: 50, seed: 3))
          return own.recall + [own.logLossBits]
        }
      }
    }
    let whole = try figures(1000, 1)
    #expect(try figures(1, 1) == whole)
    #expect(try figures(7, 2) == whole)
    #expect(whole.contains { $0.low < $0.high })
  }

  /// One request, drawn as often as one likes, is the same.
  @Test func oneRequestHasNoInterval() throws {
    let shape = try TraceShape(modelLayers: [0], experts: 4, topK: 1)
    var random = SplitMix64(seed: 2)
    let request = RequestTrace.random(shape: shape, prefill: 4, decode: 9, using: &random)
    var comparison = try Comparison(shape: shape, predictors: ["frequency"])
    for chunk in try chunks(of: [request], shape: shape, chunkTokens: 3) {
      try comparison.consume(chunk)
    }
    let loss = try #require(
      comparison.estimates(of: 0, stages: Stage.allCases, resamples: 20, seed: 1)
    ).logLossBits
    #expect(loss.low == loss.value && loss.value == loss.high)
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
