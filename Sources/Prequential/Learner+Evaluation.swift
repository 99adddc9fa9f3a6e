import Counting
import Forecast
import RoutingTrace

extension Learner {
  /// A learner of the same knowledge for another stream: metrics, progress and requests under way
  /// are empty, and what was learnt is a ``Generation`` of its past. What `moecast evaluate` and
  /// `moecast train --from` begin with.
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
      progress: StreamProgress(), history: [], past: generations)
  }

  /// The same learner with some of its predictors alone, and no tables that none of them reads.
  ///
  /// - Parameter chosen: specs of this learner, in the order that they are to have.
  /// - Returns: nil where one of them is not among ``specs``, or stands twice.
  /// - Complexity: O(bytes of the counts), where tables are left out.
  public func keeping(_ chosen: [PredictorSpec]) -> Learner? {
    let places = chosen.compactMap { spec in specs.firstIndex { $0.name == spec.name } }
    guard places.count == chosen.count, Set(places).count == places.count else { return nil }
    let withModels = specs.indices.filter { specs[$0].settings != nil }
    let kept = places.map { specs[$0] }
    return Learner(
      shape: shape, specs: kept, recallAt: recallAt,
      layers: layers.map { layer in
        LayerLearner(
          counts: layer.counts.keeping(kept.tables), metrics: places.map { layer.metrics[$0] })
      },
      models: places.compactMap { place in withModels.firstIndex(of: place).map { models[$0] } },
      requests: requests, progress: progress,
      history: history.map { row in
        var row = row
        row.predictors = places.map { row.predictors[$0] }
        return row
      },
      past: past)
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
