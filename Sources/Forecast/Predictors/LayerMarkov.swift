import Counting

/// A first-order Markov chain over layers: experts follow those that the same token chose one layer
/// before (paper, Ob1). The forecast is the mean of their rows,
/// `P(j) = (1/K) sum over i of (C[i, j] + 2 P0(j)) / (sum C[i] + 2)`, where `i` runs over the
/// experts chosen before; in the first layer it is `P0` (``Frequency``).
public struct LayerMarkov: CountingPredictor {
  /// `layer-markov`.
  public let name = "layer-markov"
  /// `C`, pairs of experts of neighbouring layers.
  public let tables: CountTables = .layerPairs
  /// Experts are ranked by the mean of rows of `C`.
  public let rule: ScoringRule? = .mean(.layerPairs)

  /// The only instance: the formula has no settings and keeps nothing. The learner that counts
  /// hands its counts to ``forecast(_:counts:prior:into:)``.
  public init() {}

  /// Averages the rows of the experts chosen one layer before.
  ///
  /// - Complexity: O(K E).
  public func forecast(
    _ event: Event, counts: CountsView, prior: UnsafeMutableBufferPointer<Double>,
    into probabilities: UnsafeMutableBufferPointer<Double>
  ) {
    counts.averageRows(
      .layerPairs, given: event.earlierLayer(1), prior: prior, into: probabilities)
  }
}
