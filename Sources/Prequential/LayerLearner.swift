import Forecast

/// One MoE layer of a learner: its counts and how well each predictor forecast it.
public struct LayerLearner: Hashable, Sendable {
  public var counts: LayerCounts
  /// One a predictor, in the learner's order.
  public var metrics: [LayerMetrics]

  public init(counts: LayerCounts, metrics: [LayerMetrics]) {
    self.counts = counts
    self.metrics = metrics
  }

  /// Forecasts and scores every event of the layer in order, and learns it if `learns`.
  mutating func process(
    _ view: LayerView, formulas: [Formula], learns: Bool
  ) {
    let scorer = EventScorer(experts: view.experts, topK: view.topK)
    let tally = ScoreTally(experts: view.experts, formulas: formulas.count)
    let hasProducts = formulas.contains { $0.rule?.isProduct ?? false }
    counts.withView { counts in
      if hasProducts { scorer.begin(counts) }
      var token = 0
      while token < view.tokens {
        let event = view.event(token)
        if event.chosen.count > 0 {
          var index = 0
          while index < formulas.count {
            tally.score(event, by: formulas[index], at: index, scorer: scorer, counts: counts)
            index += 1
          }
          if learns {
            counts.learn(event)
            if hasProducts { scorer.learned(event, counts: counts) }
          }
        }
        token += 1
      }
    }
    for (index, formula) in formulas.enumerated() {
      tally.add(index, to: &metrics[formula.metric])
    }
  }
}

/// A predictor that is a formula over counts, and where its metrics stand.
struct Formula: Sendable {
  let predictor: any Predictor
  let rule: ScoringRule?
  let metric: Int

  init(predictor: any Predictor, metric: Int) {
    self.predictor = predictor
    rule = predictor.rule
    self.metric = metric
  }
}
