import Counting
import Forecast
import RoutingTrace

extension Learner {
  /// A learner of the same knowledge for another stream: metrics, progress and requests under way
  /// are empty. What `moecast evaluate` begins with.
  ///
  /// - Parameter recallAt: the n of recall@n to look at, or nil for the same as before.
  /// - Complexity: O(bytes of the metrics); tables are shared until one learner learns.
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

  /// How much each part of each mixture counts, by the mixture's name; see
  /// `Forecast/Mixture/partWeights`.
  public var mixtureWeights: [String: [Mixture.PartWeights]] {
    var weights: [String: [Mixture.PartWeights]] = [:]
    for (spec, model) in zip(specs.filter { $0.settings != nil }, models) {
      weights[spec.name] = model.mixture?.partWeights
    }
    return weights
  }
}
