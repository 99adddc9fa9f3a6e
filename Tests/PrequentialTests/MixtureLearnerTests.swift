import Forecast
import Prequential
import RoutingTrace
import TestSupport
import Testing

@Suite struct MixtureLearnerTests {
  static let predictors = ["layer-markov", "mixture", "mixture-fast", "mixture-all:h2:tasks"]

  static func requests(_ shape: TraceShape, seed: UInt64 = 21) -> [RequestTrace] {
    var random = SplitMix64(seed: seed)
    return (0..<5).map { index in
      RequestTrace.random(
        shape: shape, prefill: 7, decode: 12, empty: 0.1, task: index % 2 == 0 ? "a" : "b",
        using: &random)
    }
  }

  static func shape() throws -> TraceShape {
    try TraceShape(modelLayers: [0, 1, 2, 3, 4], experts: 10, topK: 3)
  }

  static func learner(
    chunkTokens: Int, workers: Int, predictors: [String] = predictors, learns: Bool = true
  ) throws -> Learner {
    let shape = try shape()
    var learner = try Learner(shape: shape, predictors: predictors)
    for chunk in try chunks(of: requests(shape), shape: shape, chunkTokens: chunkTokens) {
      try learner.consume(chunk, learns: learns, workers: workers)
    }
    return learner
  }

  @Test(arguments: [1, 7, 50], [1, 2])
  func neitherChunksNorWorkersChangeAnything(chunkTokens: Int, workers: Int) throws {
    let expected = try Self.learner(chunkTokens: 4096, workers: 1)
    let learner = try Self.learner(chunkTokens: chunkTokens, workers: workers)
    #expect(learner.layers == expected.layers)
    // Ages count runs, which chunks cut; all else agrees.
    #expect(learner.mixtures.map(\.withoutRequests) == expected.mixtures.map(\.withoutRequests))
    if chunkTokens == 50 {
      #expect(
        learner.mixtures
          == (try Self.learner(chunkTokens: chunkTokens, workers: 1)).mixtures)
    }
  }

  /// A single part in a mixture forecasts what the predictor itself does, but for Float32 rounding:
  /// as sure within 1e-5 bits, and every expert at the same rank but for ties that rounding breaks.
  @Test(arguments: [
    ("layer-markov", "mixture:only-layer"), ("frequency", "mixture:only-frequency"),
    ("token-markov", "mixture:only-token"),
  ])
  func aMixtureOfOnePredictorEqualsIt(predictor: String, mixture: String) throws {
    let learner = try Self.learner(
      chunkTokens: 64, workers: 1, predictors: [predictor, mixture])
    let own = learner.score(of: 0, stages: Stage.allCases)
    let mixed = learner.score(of: 1, stages: Stage.allCases)
    #expect(abs((own.logLossBits ?? 0) - (mixed.logLossBits ?? 9)) < 1e-5)
    for n in 1...10 {
      // Of 1,330 choices at most one changes places in a tie.
      let difference = Int(own.hits(at: n)) - Int(mixed.hits(at: n))
      #expect(abs(difference) <= 1, "hits at \(n)")
    }
  }

  @Test func frozenMixturesStayAsTheyWere() throws {
    let learner = try Self.learner(chunkTokens: 10, workers: 2, learns: false)
    let fresh = try Learner(shape: Self.shape(), predictors: Self.predictors)
    #expect(learner.mixtures.map(\.withoutRequests) == fresh.mixtures)
    #expect(learner.score(of: 1, stages: Stage.allCases).events == 5 * 19 * 5)
  }

  @Test func mixturesLearn() throws {
    let shape = try Self.shape()
    var learner = try Learner(
      shape: shape, predictors: ["frequency", "layer-markov", "mixture", "mixture:next"])
    var random = SplitMix64(seed: 3)
    let requests = (0..<20).map { _ in
      RequestTrace.random(shape: shape, prefill: 10, decode: 30, using: &random)
    }
    for chunk in try chunks(of: requests, shape: shape) { try learner.consume(chunk) }
    let recall = (0..<4).map { learner.score(of: $0, stages: Stage.allCases).recall(at: 3) ?? 0 }
    #expect(recall[2] > recall[1] && recall[1] > recall[0])
    // Tokens are drawn independently: nothing is to be known of the next.
    #expect(abs(recall[3] - recall[0]) < 0.05)
    let bits = (0..<3).map { learner.score(of: $0, stages: Stage.allCases).logLossBits ?? 9 }
    #expect(bits[2] < bits[1] && bits[1] < bits[0])
  }

  /// Every layer repeats the layer two before it: that much can be known two layers ahead and no
  /// further.
  @Test func horizonsSeeWhatIsKnownByThen() throws {
    let shape = try TraceShape(modelLayers: [0, 1, 2, 3, 4], experts: 10, topK: 1)
    var random = SplitMix64(seed: 4)
    var ids: [UInt16] = []
    for _ in 0..<600 {
      let (even, odd) = (
        UInt16.random(in: 0..<10, using: &random), UInt16.random(in: 0..<10, using: &random)
      )
      ids += [even, odd, even, odd, even]
    }
    var learner = try Learner(
      shape: shape, predictors: ["mixture", "mixture:h2", "mixture:h3", "mixture:h4"])
    for chunk in try chunks(of: [RequestTrace(prefill: 0, ids: ids)], shape: shape) {
      try learner.consume(chunk)
    }
    let recall = (0..<4).map { predictor in
      learner.layers[3].metrics[predictor].score(of: Stage.allCases).recall(at: 1) ?? 0
    }
    #expect(recall[0] > 0.8 && recall[1] > 0.8)
    #expect(recall[2] < 0.3 && recall[3] < 0.3)
  }
}
