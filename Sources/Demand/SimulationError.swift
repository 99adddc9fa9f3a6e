/// Why demand cannot be forecast, or a system not simulated: what is missing or does not fit.
public struct SimulationError: Error, Hashable, CustomStringConvertible {
  /// One sentence for the user.
  public let description: String

  /// An error that says `description`.
  package init(_ description: String) { self.description = description }
}
