import Counting
import Forecast

/// One MoE layer of a ``Learner``: its counts, and how well each predictor forecast its events.
public struct LayerLearner: Hashable, Sendable {
  /// What the counting predictors have learnt of the layer.
  public var counts: LayerCounts
  /// How well each predictor forecast the layer, in the order of ``Learner/specs``.
  public var metrics: [LayerMetrics]

  /// A layer with known counts and metrics, such as a checkpoint holds.
  public init(counts: LayerCounts, metrics: [LayerMetrics]) {
    self.counts = counts
    self.metrics = metrics
  }

  /// Forecasts and scores every event of the layer in order, and learns it if `learns`.
  ///
  /// - Parameter scores: where to add the figures by group of requests too.
  mutating func process(
    _ view: LayerEvents, by counting: [(metric: Int, predictor: any CountingPredictor)],
    learns: Bool,
    scores: GroupScores? = nil
  ) {
    let scorer = EventScorer(experts: view.experts, topK: view.topK)
    let tally = ScoreTally(experts: view.experts, predictors: counting.count)
    let predictors = counting.map(\.predictor)
    for tokens in scores?.stretches ?? [0..<view.tokens] {
      counts.withLearner {
        scorer.run(
          view, tokens: tokens, by: predictors, counts: $0, learns: learns, into: tally)
      }
      for (index, (metric, _)) in counting.enumerated() {
        guard let scores else {
          metrics[metric].add(tally, predictor: index)
          continue
        }
        var own = LayerMetrics(experts: view.experts)
        own.add(tally, predictor: index)
        metrics[metric].add(own)
        scores.add(own, endingWith: tokens.upperBound - 1, predictor: metric)
      }
      if scores != nil { tally.clear() }
    }
  }
}
