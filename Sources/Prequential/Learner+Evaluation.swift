import Forecast
import RoutingTrace

extension Learner {
  /// The same knowledge before another stream: metrics, progress and requests under way are empty.
  ///
  /// - Parameter recallAt: the n of recall@n to look at, or nil for the same as before.
  public func scoringAnew(recallAt: [Int]? = nil) -> Learner {
    Learner(
      shape: shape, predictors: predictors, recallAt: recallAt ?? self.recallAt,
      layers: layers.map {
        LayerLearner(
          counts: $0.counts, metrics: $0.metrics.map { LayerMetrics(experts: $0.experts) })
      },
      mixtures: mixtures.map(\.withoutRequests),
      requests: LiveRequests(capacity: requests.capacity), progress: StreamProgress(), history: [])
  }

  /// What the parts of each mixture among the predictors count, by the mixture's name.
  public var mixtureWeights: [String: [Mixture.PartWeights]] {
    let names = predictors.filter { MixtureOptions(name: $0) != nil }
    return Dictionary(
      zip(names, mixtures.map(\.partWeights)), uniquingKeysWith: { first, _ in first })
  }
}
