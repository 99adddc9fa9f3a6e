/// How often each expert was chosen so far: `P0(j) = (c[j] + 1/2) / (sum c + E/2)`.
public struct Frequency: Predictor {
  public let name = "frequency"
  public let tables: CountTables = []
  public let rule: ScoringRule? = .frequency

  public init() {}

  public func forecast(
    _ event: Event, counts: CountsView, prior: UnsafeMutableBufferPointer<Double>,
    into probabilities: UnsafeMutableBufferPointer<Double>
  ) {
    _ = probabilities.update(fromContentsOf: prior)
  }
}
