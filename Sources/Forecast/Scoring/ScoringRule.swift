import Counting

/// What a predictor's order of experts follows from, for ``EventScorer``.
public enum ScoringRule: Hashable, Sendable {
  /// The experts' own counts.
  case frequency
  /// The mean of the rows of one table.
  case mean(CountTables)
  /// The product of the rows of one table, each over the prior.
  case product(CountTables)

  /// Whether ``EventScorer`` must follow the counts for it.
  public var isProduct: Bool {
    if case .product = self { true } else { false }
  }
}

extension CountingPredictor {
  /// No rule: only the probabilities tell.
  public var rule: ScoringRule? { nil }
}
