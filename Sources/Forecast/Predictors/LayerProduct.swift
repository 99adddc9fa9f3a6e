import Counting

/// The product of the same rows as ``LayerMarkov``, each over the prior (naive Bayes):
/// softmax of `log P0(j) + sum over i of log(P(j|i) / P0(j))`; `P0` in the first layer.
///
/// It ranks better than the mean and is badly calibrated, since the experts of one token are not
/// independent.
public struct LayerProduct: CountingPredictor {
  public let name = "layer-product"
  public let tables: CountTables = .layerPairs
  public let rule: ScoringRule? = .product(.layerPairs)

  /// A formula without settings; counts are handed to ``forecast(_:counts:prior:into:)``.
  public init() {}

  /// Multiplies the rows of the experts chosen one layer before.
  public func forecast(
    _ event: Event, counts: CountsView, prior: UnsafeMutableBufferPointer<Double>,
    into probabilities: UnsafeMutableBufferPointer<Double>
  ) {
    counts.multiplyRows(
      .layerPairs, given: event.earlierLayer(1), prior: prior, into: probabilities)
  }
}
