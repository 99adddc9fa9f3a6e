import Counting

/// A first-order Markov chain over tokens: experts follow those that the request's previous token
/// chose in the same layer (paper, Ob2). The forecast is the mean of their rows,
/// `P(j) = (1/K) sum over i of (D[i, j] + 2 P0(j)) / (sum D[i] + 2)`; for a request's first token
/// it is `P0` (``Frequency``).
public struct TokenMarkov: CountingPredictor {
  /// `token-markov`.
  public let name = "token-markov"
  /// `D`, pairs of experts of consecutive tokens in one layer.
  public let tables: CountTables = .tokenPairs
  /// Experts are ranked by the mean of rows of `D`.
  public let rule: ScoringRule? = .mean(.tokenPairs)

  /// The only instance: the formula has no settings and keeps nothing. The learner that counts
  /// hands its counts to ``forecast(_:counts:prior:into:)``.
  public init() {}

  /// Averages the rows of the experts that the previous token chose in this layer.
  ///
  /// - Complexity: O(K E).
  public func forecast(
    _ event: Event, counts: CountsView, prior: UnsafeMutableBufferPointer<Double>,
    into probabilities: UnsafeMutableBufferPointer<Double>
  ) {
    counts.averageRows(.tokenPairs, given: event.previousToken, prior: prior, into: probabilities)
  }
}
