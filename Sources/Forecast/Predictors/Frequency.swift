import Counting

/// How often each expert was chosen so far: `P0(j) = (c[j] + 1/2) / (sum c + E/2)`.
public struct Frequency: CountingPredictor {
  public let name = "frequency"
  public let tables: CountTables = []
  public let rule: ScoringRule? = .frequency

  /// A formula without settings; counts are handed to ``forecast(_:counts:prior:into:)``.
  public init() {}

  /// `P0` as it is: no other table is asked.
  public func forecast(
    _ event: Event, counts: CountsView, prior: UnsafeMutableBufferPointer<Double>,
    into probabilities: UnsafeMutableBufferPointer<Double>
  ) {
    _ = probabilities.update(fromContentsOf: prior)
  }
}
