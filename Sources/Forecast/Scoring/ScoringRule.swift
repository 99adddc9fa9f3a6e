import Counting

/// How a predictor orders experts, for formulas that ``EventScorer`` knows: it then ranks experts
/// by approximate scores and computes exact probabilities only where two lie too near to each
/// other.
public enum ScoringRule: Hashable, Sendable {
  /// By the experts' own counts, as ``Frequency``.
  case frequency
  /// By the mean of the rows of one table, as ``LayerMarkov`` and ``TokenMarkov``.
  case mean(CountTables)
  /// By the product of the rows of one table, each over the prior, as ``LayerProduct``.
  case product(CountTables)

  /// Whether it is a product, for which ``EventScorer`` keeps the inverses of the experts' counts
  /// up to date.
  public var isProduct: Bool {
    if case .product = self { true } else { false }
  }
}

extension CountingPredictor {
  /// Nil: unless a predictor gives a rule, every event is scored from all its probabilities.
  public var rule: ScoringRule? { nil }
}
