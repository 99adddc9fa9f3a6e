import Counting

/// The mean of the rows of the experts that the request's previous token chose in this layer (paper,
/// Ob2): `(1/K) sum over i of (D[i, j] + 2 P0(j)) / (sum D[i] + 2)`; `P0` for a request's first token.
public struct TokenMarkov: CountingPredictor {
  public let name = "token-markov"
  public let tables: CountTables = .tokenPairs
  public let rule: ScoringRule? = .mean(.tokenPairs)

  /// A formula without settings; counts are handed to ``forecast(_:counts:prior:into:)``.
  public init() {}

  /// Averages the rows of the experts that the previous token chose in this layer.
  public func forecast(
    _ event: Event, counts: CountsView, prior: UnsafeMutableBufferPointer<Double>,
    into probabilities: UnsafeMutableBufferPointer<Double>
  ) {
    counts.averageRows(.tokenPairs, given: event.previousToken, prior: prior, into: probabilities)
  }
}
