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
    let experts = view.experts
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * experts) { buffer in
      buffer.initialize(repeating: 0)
      let prior = UnsafeMutableBufferPointer(rebasing: buffer[..<experts])
      let probabilities = UnsafeMutableBufferPointer(rebasing: buffer[experts...])
      counts.withView { counts in
        var token = 0
        while token < view.tokens {
          let event = view.event(token)
          counts.prior(into: prior)
          var index = 0
          while index < formulas.count {
            let formula = formulas[index]
            formula.predictor.forecast(event, counts: counts, prior: prior, into: probabilities)
            metrics[formula.metric].score(probabilities, event)
            index += 1
          }
          if learns { counts.learn(event) }
          token += 1
        }
      }
    }
  }
}

/// A predictor that is a formula over counts, and where its metrics stand.
struct Formula: Sendable {
  let predictor: any Predictor
  let metric: Int
}
