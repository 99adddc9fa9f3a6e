import Counting
import Forecast
import RoutingTrace

extension Learner {
  /// The same knowledge before another stream: metrics, progress and requests under way are empty.
  ///
  /// - Parameter recallAt: the n of recall@n to look at, or nil for the same as before.
  public func scoringAnew(recallAt: [Int]? = nil) -> Learner {
    Learner(
      shape: shape, specs: specs, recallAt: recallAt ?? self.recallAt,
      layers: layers.map {
        LayerLearner(
          counts: $0.counts, metrics: $0.metrics.map { LayerMetrics(experts: $0.experts) })
      },
      models: models.map(\.withoutRequests), requests: requests.emptied,
  progress: StreamProgress(), history: [])
  }

  /// What the parts of each mixture among the predictors count, by the mixture's name.
  public var mixtureWeights: [String: [Mixture.PartWeights]] {
    var weights: [String: [Mixture.PartWeights]] = [:]
    for (spec, model) in zip(specs.filter { $0.settings != nil }, models) {
      weights[spec.name] = model.mixture?.partWeights
    }
    return weights
  }
}
