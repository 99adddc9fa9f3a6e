/// The paper's five ways of giving experts to dies.
public enum Strategy: String, CaseIterable, Sendable {
  /// Equal work a die, blind to where weights lie.
  case base
  /// Every expert on its home die.
  case expertParallel = "ep"
  /// Algorithm 1.
  case allocation = "allo"
  /// Base, with copies of the experts that the token heatmap expects again.
  case prediction = "pred"
  /// Algorithm 1 with such copies.
  case allocationAndPrediction = "allo+pred"

  /// Whether experts get their dies by Algorithm 1.
  public var allocates: Bool { self == .allocation || self == .allocationAndPrediction }

  /// Whether dies keep copies that a heatmap foretells.
  public var predicts: Bool { self == .prediction || self == .allocationAndPrediction }
}

/// The choices that the paper leaves open, with the reference's defaults.
public struct StrategyOptions: Hashable, Sendable {
  /// How Base gives every die the same work.
  public var baseRule = BaseRule.blocks
  /// Requests in one of Base's blocks.
  public var blockSize = 50
  /// Where experts have their homes.
  public var placement = HomePlacement.contiguous
  /// Algorithm 1's choices.
  public var allocation = AllocationOptions()
  /// Followers of each expert that count as expected at the next token (the paper's top n).
  public var followers = 16
  /// Whether homes must fit into their memories, and copies into what homes and the system leave.
  public var enforcesCapacity = true
  /// Copies that a die may hold of all the model's layers together, as an address translation unit
  /// has entries for them (paper, case study 1); shared evenly by the layers. Nil for no such limit.
  public var copyEntries: Int?
  /// Spare HBM is multiplied with this before copies are fitted.
  public var capacityScale = 1.0
  /// How activations travel; for the bound engine.
  public var activations = ActivationOptions()

  /// The reference's choices.
  public init() {}
}
