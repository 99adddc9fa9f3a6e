/// How one read of an expert was met, or that a transfer to a die was wasted.
public struct StagedRead: Hashable, Sendable {
  /// What happened.
  public enum Kind: String, CaseIterable, Sendable {
    /// Read from the die's own HBM.
    case local
    /// Staged, and there in time.
    case onTime = "on_time"
    /// Staged, and there in part.
    case late
    /// Read from elsewhere when it was asked for.
    case demand
    /// Brought, and not read.
    case wasted
  }

  /// The turn, counted through all layers of all steps.
  public let turn: Int
  /// The die that read, or was to read.
  public let die: Int
  /// What happened.
  public let kind: Kind
}
