import Wafer

/// What the staging engine may do, and with how much.
public struct StagingOptions: Hashable, Sendable {
  /// Which copy leaves when another one needs its place; without a forecast, by expected use is LRU.
  public var eviction = EvictionPolicy.leastExpected
  /// Whether token forecasts bring copies into local HBM.
  public var stagesTokens = true
  /// Layers ahead for which layer forecasts bring weights into the staging buffer (h); 0 for none.
  public var horizon = 1
  /// Bytes of a die's staging buffer; nil for its whole LLC. One that is larger than the LLC lies
  /// in HBM, whole: it takes room there from copies, and time to be written and read.
  public var bufferBytes: Double?
  /// Bytes a die may hold in copies of all the model's layers; nil for what homes, the system and a
  /// staging buffer in HBM leave.
  public var copyBytes: Double?
  /// Copies that a die may hold of all the model's layers, whatever their bytes: the entries of its
  /// address translation unit; nil for no such limit.
  public var copyEntries: Int?
  /// Whether copies and a staging buffer in HBM have to fit beside the homes.
  public var enforcesCapacity = true
  /// Weights are cut into equal chunks of at most this, by the bound engine; the event engine has
  /// its own.
  public var chunkBytes = 4e6
  /// Share of the idle time of memories and links that transfers may fill.
  public var bandwidthShare = 1.0
  /// Transfers that may wait at a die.
  public var queueLimit = 32
  /// Whether a transfer must promise more than it costs. Off, everything expected is brought.
  public var holdsBack = true
  /// Seconds between MoE layers (attention, dense layers) in which memories and links are idle.
  public var gapSeconds = 0.0
  /// Where experts have their homes.
  public var placement = HomePlacement.contiguous
  /// Algorithm 1's choices.
  public var allocation = AllocationOptions()
  /// Whether plans are rebalanced over the copies after Algorithm 1.
  public var rebalances = true

  /// Everything on, with all the memory that is left.
  public init() {}
}
