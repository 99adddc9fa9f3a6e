import Forecast

/// One MoE layer of a learner: its counts and how well each predictor forecast it.
public struct LayerLearner: Hashable, Sendable {
  /// What the counting predictors have learnt.
  public var counts: LayerCounts
  /// One a predictor, in the learner's order.
  public var metrics: [LayerMetrics]

  /// A layer with known counts and metrics, such as a checkpoint holds.
  public init(counts: LayerCounts, metrics: [LayerMetrics]) {
    self.counts = counts
    self.metrics = metrics
  }

  /// Forecasts and scores every event of the layer in order, and learns it if `learns`.
  mutating func process(
    _ view: LayerView, by counting: [(metric: Int, predictor: any Predictor)], learns: Bool
  ) {
    let scorer = EventScorer(experts: view.experts, topK: view.topK)
    let tally = ScoreTally(experts: view.experts, predictors: counting.count)
    counts.withView {
      scorer.run(
        view, by: counting.map(\.predictor), counts: $0, learns: learns, into: tally)
    }
    for (index, (metric, _)) in counting.enumerated() {
      metrics[metric].add(tally, predictor: index)
    }
  }
}
