import Counting

/// The mean of the rows of the experts that the token chose one layer before (paper, Ob1):
/// `(1/K) sum over i of (C[i, j] + 2 P0(j)) / (sum C[i] + 2)`; `P0` in the first layer.
public struct LayerMarkov: CountingPredictor {
  public let name = "layer-markov"
  public let tables: CountTables = .layerPairs
  public let rule: ScoringRule? = .mean(.layerPairs)

  /// A formula without settings; counts are handed to ``forecast(_:counts:prior:into:)``.
  public init() {}

  /// Averages the rows of the experts chosen one layer before.
  public func forecast(
    _ event: Event, counts: CountsView, prior: UnsafeMutableBufferPointer<Double>,
    into probabilities: UnsafeMutableBufferPointer<Double>
  ) {
    counts.averageRows(
      .layerPairs, given: event.earlierLayer(1), prior: prior, into: probabilities)
  }
}
