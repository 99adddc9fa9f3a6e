import ArgumentParser
import MemoryBudget
import ModelFile
import RoutingTrace
import Wafer

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
    var stream = try TraceStream(traces)
    var collector = RequestPool.Collector(
      shape: stream.shape, stage: Stage.allCases.first { $0.name == stage })
    // All of them are kept, so what there is before the first chunk has to do.
    let memory = AvailableMemory.ofThisProcess()
    while let chunk = try stream.next() {
      collector.add(chunk.block)
      try memory.check(collector.memoryDemand)
    }
    return collector.pool()
  }
}

/// The sizes of `--batch`.
func batchSizes(_ text: String) throws -> [Int] {
  try commaSeparated(text, "--batch", "whole numbers from 1 to 1,048,576") { word in
    Int(word).flatMap { (1...1 << 20).contains($0) ? $0 : nil }
  }
}

/// The steps of batches that a simulation runs.
struct StepCounts {
  let all: Int
  /// Those at the beginning that make copies but are not counted.
  let warm: Int

  /// - Parameter warm: nil for half of them, but no more than eight.
  /// - Throws: `ValidationError` where none would be counted.
  init(_ all: Int, warm: Int?) throws {
    self.all = all
    self.warm = warm ?? min(8, all / 2)
    guard all > self.warm, self.warm >= 0 else {
      throw ValidationError("--steps must be above --warm-steps, which is at least 0")
    }
  }
}

/// The token heatmap: a model's table, or the traces' own tokens.
///
/// - Parameter model: the model's file; nil for none.
func tokenHeatmap(_ pool: RequestPool, model: String?) throws -> TransitionCounts {
  try AvailableMemory.ofThisProcess().check(TransitionCounts.memoryDemand(shape: pool.shape))
  guard let model else { return TransitionCounts(of: pool) }
  return TransitionCounts(
    layers: pool.shape.layers, experts: pool.shape.experts,
    counts: try Checkpoint.tokenHeatmap(of: model, shape: pool.shape))
}
