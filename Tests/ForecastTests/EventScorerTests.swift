import Counting
import RoutingTrace
import TestSupport
import Testing

@testable import Forecast

/// Ranks and log loss are those of the probabilities, whatever the way to them.
@Suite struct EventScorerTests {
  @Test(arguments: [(9, 3), (40, 8), (64, 6), (17, 1), (33, 13), (256, 8)])
  func agreesWithTheProbabilities(experts: Int, topK: Int) throws {
    let shape = try TraceShape(modelLayers: [0, 1], experts: experts, topK: topK)
    var random = SplitMix64(seed: 5)
    let requests = (0..<4).map { _ in
      RequestTrace.random(shape: shape, prefill: 20, decode: 60, empty: 0.1, using: &random)
    }
    for layer in 0..<2 {
      var counts = LayerCounts(experts: experts, tables: [.layerPairs, .tokenPairs])
      var live = RequestBook()
      let scorer = EventScorer(experts: experts, topK: topK)
      counts.withView { scorer.kernels.begin($0) }
      var scored = 0
      for chunk in try chunks(of: requests, shape: shape, chunkTokens: 50) {
        live.resolve(chunk.block).withLayer(layer) { view in
          for token in 0..<view.tokens {
            let event = view.event(token)
            counts.withLearner { learner in
              let counts = learner.view
              for predictor in PredictorTests.all {
                guard let rule = predictor.rule else { continue }
                let mean = scorer.kernels.score(event, by: rule, counts: counts)
                let ranks = (0..<event.chosen.count).map { scorer.kernels.ranks[$0] }
                let exact = scorer.kernels.scoreExactly(event, by: predictor, counts: counts)
                guard let mean else { continue }
                scored += 1
                #expect(abs(mean - exact) < EventScorer.tolerance, "\(predictor.name)")
                #expect(ranks == (0..<event.chosen.count).map { scorer.kernels.ranks[$0] })
              }
              learner.learn(event)
              scorer.kernels.learned(event, counts: counts)
            }
          }
        }
      }
      // Products of nearly tied experts, or of more than twelve, are left to the probabilities.
      #expect(scored >= 3 * 4 * 80)
    }
  }
}
