import Counting
import Forecast
import Prequential
import RoutingTrace
import TestSupport
import Testing

/// The learner's metrics are, bit for bit, those of the predictors' probabilities.
@Suite struct ScoringTests {
  /// With empty slots, and without for every top-k that has a loop of its own.
  @Test(arguments: [
    (10, 3, 0.1), (64, 6, 0.1), (128, 1, 0.1), (30, 3, 0), (128, 1, 0), (16, 2, 0), (32, 4, 0),
    (64, 6, 0), (256, 8, 0), (96, 13, 0),
  ])
  func metricsAreThoseOfTheProbabilities(experts: Int, topK: Int, empty: Double) throws {
    let shape = try TraceShape(modelLayers: [0, 1, 2], experts: experts, topK: topK)
    var random = SplitMix64(seed: 8)
    let requests = (0..<5).map { _ in
      RequestTrace.random(shape: shape, prefill: 30, decode: 90, empty: empty, using: &random)
    }
    let all = try chunks(of: requests, shape: shape, chunkTokens: 70)
    var learner = try Learner(shape: shape, predictors: PredictorCatalog.counting)
    for chunk in all { try learner.consume(chunk, workers: 2) }
    for layer in 0..<3 {
      #expect(learner.layers[layer].metrics == metrics(layer, shape, all))
    }
  }

  /// Metrics of one layer by way of every expert's probability.
  func metrics(_ layer: Int, _ shape: TraceShape, _ chunks: [TraceChunk]) -> [LayerMetrics] {
    var counts = LayerCounts(experts: shape.experts, tables: [.layerPairs, .tokenPairs])
    let predictors = PredictorCatalog.counting.compactMap {
      PredictorCatalog.standard.spec(named: $0)?.predictor
    }
    var metrics = predictors.map { _ in LayerMetrics(experts: shape.experts) }
    var live = RequestBook()
    var prior = [Double](repeating: 0, count: shape.experts)
    var probabilities = prior
    for chunk in chunks {
      live.resolve(chunk.block).withLayer(layer) { view in
        for token in 0..<view.tokens {
          let event = view.event(token)
          prior.withUnsafeMutableBufferPointer { prior in
            probabilities.withUnsafeMutableBufferPointer { probabilities in
              counts.withLearner { learner in
                let counts = learner.view
                for (index, predictor) in predictors.enumerated() {
                  counts.prior(into: prior)
                  predictor.forecast(event, counts: counts, prior: prior, into: probabilities)
                  metrics[index].score(probabilities, event)
                }
                learner.learn(event)
              }
            }
          }
        }
      }
    }
    return metrics
  }
}
