import ArgumentParser
import Demand
import MemoryBudget
import ModelFile
import RoutingTrace

/// The traces whose tokens a simulation takes.
struct TokenOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Traces (*.moe.lz4), folders of them, or -.", valueName: "trace"))
  var traces: [String]

  @Option(help: "Tokens taken of them: decode, prefill or all.")
  var stage = "decode"

  func validate() throws {
    guard Stage.allCases.map(\.name).contains(stage) || stage == "all" else {
      throw ValidationError("--stage is decode, prefill or all, not '\(stage)'")
    }
  }

  /// Reads all of the stage's tokens.
  ///
  /// - Throws: `TraceError`, or `MemoryShortage` before they take more than there is.
  func readPool() throws -> RequestPool {
    var positions: PoolPositions?
    return try readPool(noting: &positions)
  }

  /// Nothing known yet of where the tokens stand, for ``readPool(noting:)``.
  var noPositions: PoolPositions { PoolPositions(stage: keptStage) }

  private var keptStage: Stage? { Stage.allCases.first { $0.name == stage } }

  /// Reads all of the stage's tokens, and notes where they stand unless `positions` is nil.
  func readPool(noting positions: inout PoolPositions?) throws -> RequestPool {
    var stream = try TraceStream(traces)
    var collector = RequestPool.Collector(shape: stream.shape, stage: keptStage)
    // All of them are kept, so what there is before the first chunk has to do.
    let memory = AvailableMemory.ofThisProcess()
    while let chunk = try stream.next() {
      collector.add(chunk.block)
      positions?.add(chunk.block)
      try memory.check(collector.memoryDemand)
    }
    complain(of: stream.remarks)
    return collector.pool()
  }
}

/// The token heatmap: a model's table, or the traces' own tokens.
///
/// - Parameter model: the model's file; nil for none.
func tokenHeatmap(_ pool: RequestPool, model: String?) throws -> TransitionCounts {
  try AvailableMemory.ofThisProcess().check(TransitionCounts.memoryDemand(shape: pool.shape))
  guard let model else { return try TransitionCounts(of: pool) }
  return TransitionCounts(
    layers: pool.shape.layers, experts: pool.shape.experts,
    counts: try Checkpoint.tokenHeatmap(of: model, shape: pool.shape))
}
