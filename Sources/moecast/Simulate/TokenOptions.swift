import ArgumentParser
import Demand
import MemoryBudget
import RoutingTrace

/// The traces whose tokens a simulation takes.
struct TokenOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("Traces (*.moe.lz4), folders of them, or -.", valueName: "trace"),
    completion: .file())
  var traces: [String]

  @Option(help: "Tokens taken of them: decode, prefill or all.")
  var stage = "decode"

  func validate() throws {
    guard Stage.allCases.map(\.name).contains(stage) || stage == "all" else {
      throw ValidationError("--stage is decode, prefill or all, not '\(stage)'")
    }
  }

  /// What is read of the traces beside the stage's tokens.
  struct Reading {
    /// Where the tokens stand; nil where nobody asks.
    var positions: PoolPositions?
    /// Whether the tokens of prompts are read too.
    let readsPrompts: Bool
    /// Those tokens, once read.
    fileprivate(set) var prompts: RequestPool?

    init(positions: PoolPositions? = nil, prompts readsPrompts: Bool = false) {
      self.positions = positions
      self.readsPrompts = readsPrompts
    }
  }

  /// Reads all of the stage's tokens.
  ///
  /// - Throws: `TraceError`, or `MemoryShortage` before they take more than there is.
  func readPool() throws -> RequestPool {
    var nothingElse = Reading()
    return try readPool(&nothingElse)
  }

  /// Nothing known yet of where the tokens stand, for ``Reading``.
  var noPositions: PoolPositions { PoolPositions(stage: keptStage) }

  /// Reads all tokens of traces, prompts and decoded ones.
  static func readAll(of traces: [String]) throws -> RequestPool {
    var nothingElse = Reading()
    return try read(traces, stage: nil, &nothingElse)
  }

  private var keptStage: Stage? { Stage.allCases.first { $0.name == stage } }

  /// Reads all of the stage's tokens, and what `reading` asks for.
  func readPool(_ reading: inout Reading) throws -> RequestPool {
    try Self.read(traces, stage: keptStage, &reading)
  }

  private static func read(
    _ traces: [String], stage: Stage?, _ reading: inout Reading
  ) throws -> RequestPool {
    var stream = try TraceStream(traces)
    var collector = RequestPool.Collector(shape: stream.shape, stage: stage)
    var prompts: RequestPool.Collector? =
      reading.readsPrompts ? RequestPool.Collector(shape: stream.shape, stage: .prefill) : nil
    // All of them are kept, so what there is before the first chunk has to do.
    let memory = AvailableMemory.ofThisProcess()
    while let chunk = try stream.next() {
      collector.add(chunk.block)
      prompts?.add(chunk.block)
      reading.positions?.add(chunk.block)
      try memory.check(collector.memoryDemand)
      if let prompts { try memory.check(prompts.memoryDemand) }
    }
    complain(of: stream.remarks)
    reading.prompts = prompts?.pool()
    return collector.pool()
  }
}
