import Demand

/// The thresholds by which serverless experts are brought, copied and unloaded. MoEless does not
/// publish its own; these are ours.
public struct ServerlessOptions: Hashable, Sendable {
  /// Layers ahead of which loads are forecast (1 to 4).
  public var distance = 3
  /// An expert is a straggler where one of its replicas would compute for longer than this many times
  /// a GPU's even share of the layer.
  public var straggler = 1.0
  /// An expert is brought, or kept, where it is expected to get this many requests of the batch.
  public var leastLoad = 0.5
  /// Seconds for which an expert stays after it was last used or expected.
  public var keepAlive = 1.0
  /// What lying elsewhere counts for when a GPU is chosen: this share of the seconds that it takes to
  /// bring the expert.
  public var locality = 0.1
  /// Whether every layer is also prepared a step before, by a forecast of its next token; else those
  /// alone that have none ``distance`` before them.
  public var preparesNextStep = false

  /// The defaults.
  public init() {}

  /// What is wrong with them, as a sentence; nil for nothing.
  var problem: String? {
    guard (1...MixtureTables.longestHorizon).contains(distance) else {
      return "loads are forecast 1 to \(MixtureTables.longestHorizon) layers ahead"
    }
    guard
      [straggler, leastLoad, keepAlive, locality].allSatisfy({ $0 >= 0 && $0 < .infinity })
    else {
      return "thresholds of stragglers, loads, seconds to stay and locality are numbers from 0 on"
    }
    return nil
  }
}
