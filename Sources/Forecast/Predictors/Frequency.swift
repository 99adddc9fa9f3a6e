import Counting

/// The popularity of experts: each is forecast by its share of the choices in this layer so far,
/// `P0(j) = (c[j] + 1/2) / (sum c + E/2)` (Krichevsky and Trofimov's estimator).
///
/// It looks at nothing but the layer, so it is the baseline that any other predictor must beat, and
/// the prior `P0` that the others fall back on.
public struct Frequency: CountingPredictor {
  /// `frequency`.
  public let name = "frequency"
  /// None: frequencies are always kept.
  public let tables: CountTables = []
  /// Experts are ranked by their integer counts.
  public let rule: ScoringRule? = .frequency

  /// The only instance: the formula has no settings and keeps nothing. The learner that counts
  /// hands its counts to ``forecast(_:counts:prior:into:)``.
  public init() {}

  /// Copies `prior`, which is `P0` already.
  ///
  /// - Complexity: O(E).
  public func forecast(
    _ event: Event, counts: CountsView, prior: UnsafeMutableBufferPointer<Double>,
    into probabilities: UnsafeMutableBufferPointer<Double>
  ) {
    _ = probabilities.update(fromContentsOf: prior)
  }
}
