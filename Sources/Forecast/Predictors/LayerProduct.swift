import Counting

/// Naive Bayes over the same rows as ``LayerMarkov``: the experts chosen one layer before are taken
/// as independent evidence. The forecast is the softmax of
/// `log P0(j) + sum over i of log(P(j|i) / P0(j))` with
/// `P(j|i) = (C[i, j] + 2 P0(j)) / (sum C[i] + 2)`; in the first layer it is `P0`.
///
/// It ranks better than the mean, yet its probabilities are far too sure (its log loss is higher),
/// since the experts of one token are not independent.
public struct LayerProduct: CountingPredictor {
  /// `layer-product`.
  public let name = "layer-product"
  /// `C`, pairs of experts of neighbouring layers.
  public let tables: CountTables = .layerPairs
  /// Experts are ranked by the product of rows of `C` over the prior.
  public let rule: ScoringRule? = .product(.layerPairs)

  /// The only instance: the formula has no settings and keeps nothing. The learner that counts
  /// hands its counts to ``forecast(_:counts:prior:into:)``.
  public init() {}

  /// Multiplies the rows of the experts chosen one layer before, each over the prior.
  ///
  /// - Complexity: O(K E) logarithms.
  public func forecast(
    _ event: Event, counts: CountsView, prior: UnsafeMutableBufferPointer<Double>,
    into probabilities: UnsafeMutableBufferPointer<Double>
  ) {
    counts.multiplyRows(
      .layerPairs, given: event.earlierLayer(1), prior: prior, into: probabilities)
  }
}
