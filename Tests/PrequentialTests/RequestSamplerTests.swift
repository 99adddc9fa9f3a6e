import Forecast
import Prequential
import RoutingTrace
import TestSupport
import Testing

@Suite struct RequestSamplerTests {
  static func learner(_ predictors: [String], requests: Int = 40) throws -> Learner {
    let shape = try TraceShape(modelLayers: [0, 1, 2, 5], experts: 12, topK: 2)
    var random = SplitMix64(seed: 3)
    let traces = (0..<requests).map { _ in
      RequestTrace.random(shape: shape, prefill: 10, decode: 30, using: &random)
    }
    var learner = try Learner(shape: shape, predictors: predictors)
    for chunk in try chunks(of: traces, shape: shape, chunkTokens: 100) {
      try learner.consume(chunk)
    }
    return learner
  }

  static func sampler(_ learner: Learner, seed: UInt64 = 1) -> RequestSampler {
    RequestSampler(
      shape: learner.shape, mixtures: learner.mixtures, counts: learner.layers.map(\.counts),
      seed: seed)
  }

  @Test(arguments: [
    (["frequency"], "frequency"), (["layer-markov"], "layer-markov"),
    (["layer-markov", "token-markov"], "layer-markov x token-markov"),
    (["mixture:next", "token-markov"], "token-markov"), (["mixture-fast"], "mixture"),
    (["mixture", "layer-markov"], "mixture"), (["mixture:cold-decode"], "mixture"),
  ])
  func aSeedGivesTheSameSoundRequests(predictors: [String], source: String) throws {
    let learner = try Self.learner(predictors)
    var sampler = Self.sampler(learner)
    var again = Self.sampler(learner)
    var other = Self.sampler(learner, seed: 2)
    #expect(sampler.source == source)
    var requests: [RequestTrace] = []
    for tokens in [1, 30, 5] {
      let request = sampler.next(tokens: tokens, prefill: min(tokens, 8), name: "r")
      #expect(request.ids.count == tokens * learner.shape.idsPerToken)
      #expect(request == again.next(tokens: tokens, prefill: min(tokens, 8), name: "r"))
      #expect(request.ids != other.next(tokens: tokens, prefill: min(tokens, 8)).ids || tokens == 1)
      requests.append(request)
    }
    // A trace takes no event with an expert twice or beyond E.
    let blocks = try chunks(of: requests, shape: learner.shape, chunkTokens: 16)
    #expect(blocks.reduce(0) { $0 + $1.block.tokens } == 36)
  }

  /// What is drawn follows the rule that the model has learnt: layer-markov, trained on real
  /// requests, forecasts it far better than frequency does. Counts blur more than a mixture.
  @Test(arguments: [("layer-markov", 1.3), ("mixture", 1.5)])
  func drawsFollowTheRuleThatWasLearnt(predictor: String, times: Double) throws {
    let trained = try Self.learner(
      ["frequency", "layer-markov"] + (predictor == "layer-markov" ? [] : [predictor]))
    var sampler = Self.sampler(trained)
    let drawn = (0..<20).map { _ in sampler.next(tokens: 40, prefill: 10) }
    var learner = trained.scoringAnew()
    for chunk in try chunks(of: drawn, shape: trained.shape, chunkTokens: 200) {
      try learner.consume(chunk, learns: false)
    }
    let recall = (0..<2).map {
      learner.score(of: $0, stages: Stage.allCases).recall(at: 2) ?? 0
    }
    #expect(recall[1] > times * recall[0])
  }
}
