import Counting
import MemoryBudget
import RoutingTrace

extension TraceAnalysis {
  /// Bytes of the counts of an analysis; every task adds E counts a layer.
  static func bytes(shape: TraceShape) -> Int {
    let stage = LayerCounts.bytes(experts: shape.experts, tables: [.layerPairs, .tokenPairs])
    return shape.layers
      * (Stage.allCases.count * stage + PairCounts.bytes(experts: shape.experts))
  }

  /// Bytes that reading the observations from one layer's counts takes at its most.
  static func observationBytes(experts: Int) -> Int {
    // Two tables of pairs in each of three scopes, and two of them as columns of numbers that are
    // copied, sorted and ranked.
    (3 * 2 * 4 + 2 * 3 * 8) * experts * experts
  }

  /// What an analysis takes, counting and then observing with `workers` threads; for
  /// `AvailableMemory` to check before one is made.
  public static func memoryDemand(shape: TraceShape, workers: Int = 1) -> MemoryDemand {
    let observed = max(1, min(workers, shape.layers))
    return MemoryDemand(
      "the tables of an analysis of \(shape)",
      bytes: bytes(shape: shape) + observed * observationBytes(experts: shape.experts))
  }
}
