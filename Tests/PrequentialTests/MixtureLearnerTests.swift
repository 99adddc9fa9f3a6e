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
    #expect(learner.mixtures.map(\.summable) == expected.mixtures.map(\.summable))
    if chunkTokens == 50 {
      #expect(
        learner.mixtures
          == (try Self.learner(chunkTokens: chunkTokens, workers: 1)).mixtures)
    }
  }

  /// A single part in a mixture ranks as the predictor itself does, and is as sure.
  @Test(arguments: [
    ("layer-markov", "mixture:only-layer"), ("frequency", "mixture:only-frequency"),
    ("token-markov", "mixture:only-token"),
  ])
  func aMixtureOfOnePredictorEqualsIt(predictor: String, mixture: String) throws {
    let learner = try Self.learner(
      chunkTokens: 64, workers: 1, predictors: [predictor, mixture])
    let own = learner.score(of: 0, stages: Stage.allCases)
    let mixed = learner.score(of: 1, stages: Stage.allCases)
    for n in [1, 3, 6] {
      let difference = abs((own.recall(at: n) ?? 0) - (mixed.recall(at: n) ?? 1))
      // Float32 may break a tie otherwise than Double.
      #expect(difference < 0.02, "recall@\(n)")
    }
    #expect(abs((own.logLossBits ?? 0) - (mixed.logLossBits ?? 9)) < 0.05)
  }

  @Test func frozenMixturesStayAsTheyWere() throws {
    let learner = try Self.learner(chunkTokens: 10, workers: 2, learns: false)
    let fresh = try Learner(shape: Self.shape(), predictors: Self.predictors)
    #expect(learner.mixtures.map(\.betweenStreams) == fresh.mixtures)
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

  /// Two layers ahead is what one layer ahead is for a trace in which every second layer is missing.
  @Test func farHorizonsSeeLess() throws {
    let shape = try Self.shape()
    var random = SplitMix64(seed: 4)
    let requests = (0..<20).map { _ in
      RequestTrace.random(shape: shape, prefill: 0, decode: 40, using: &random)
    }
    var learner = try Learner(
      shape: shape, predictors: ["mixture", "mixture:h2", "mixture:h3", "mixture:h4"])
    for chunk in try chunks(of: requests, shape: shape) { try learner.consume(chunk) }
    let recall = (0..<4).map { learner.score(of: $0, stages: Stage.allCases).recall(at: 3) ?? 0 }
    #expect(recall == recall.sorted(by: >))
  }
}
