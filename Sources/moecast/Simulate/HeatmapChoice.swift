import ArgumentParser
import Demand
import MemoryBudget
import ModelFile
import RoutingTrace

/// Where the token heatmap comes from, by which `pred` and `allo+pred` and the forecast heatmap go.
enum HeatmapSource: Hashable {
  /// Counted as the batches go by.
  case online
  /// Counted beforehand from the prompts of the same requests.
  case prefill
  /// Counted beforehand from the very tokens simulated.
  case inSample
  /// A model's table.
  case model(String)

  /// Its name in tables and on the command line.
  var name: String {
    switch self {
    case .online: "online"
    case .prefill: "prefill"
    case .inSample: "in-sample"
    case .model(let path): path
    }
  }

  /// One of the names, or a model's file by its suffix or folder.
  init?(_ word: String) {
    switch word {
    case Self.online.name: self = .online
    case Self.prefill.name: self = .prefill
    case Self.inSample.name: self = .inSample
    default:
      guard word.contains("/") || word.hasSuffix(".h5") else { return nil }
      self = .model(word)
    }
  }
}

/// `--heatmap`.
struct HeatmapChoice: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Token heatmap of pred, allo+pred and the forecasts heatmap and shuffled: online, counted as \
      the batches go by; prefill, of the same requests' prompts; MODEL.h5, of other requests; \
      in-sample, of the very tokens that it forecasts. Default: online.
      """, valueName: "source"))
  var heatmap: String?

  func validate() throws { _ = try source() }

  /// The source.
  func source() throws -> HeatmapSource {
    guard let source = HeatmapSource(heatmap ?? HeatmapSource.online.name) else {
      throw ValidationError(
        "--heatmap '\(heatmap ?? "")' is none of online, prefill, in-sample, or a model (*.h5)")
    }
    return source
  }

  /// Refuses what does not go together.
  ///
  /// - Parameters:
  ///   - isUsed: Whether anything in the run is made from a heatmap.
  ///   - stage: The stage whose tokens fill the batches.
  func check(isUsed: Bool, stage: String) throws {
    try refuse(
      [("--heatmap", heatmap != nil)], unless: isUsed,
      "neither the strategies nor the forecasts use a token heatmap")
    guard try source() != .prefill || stage == Stage.decode.name else {
      throw ValidationError(
        "--heatmap prefill would be of the tokens that --stage \(stage) takes; say in-sample, or"
          + " take decode")
    }
  }

  /// The heatmap, where it is known beforehand; nil where it is counted as batches go by.
  ///
  /// - Parameter prompts: The tokens of the prompts, where they were read.
  /// - Throws: `ModelError`, `MemoryShortage`, `SimulationError`.
  func transitions(_ pool: RequestPool, prompts: RequestPool?) throws -> TransitionCounts? {
    let source = try source()
    try AvailableMemory.ofThisProcess().check(TransitionCounts.memoryDemand(shape: pool.shape))
    switch source {
    case .online: return nil
    case .inSample: return try TransitionCounts(of: pool)
    case .prefill:
      guard let prompts, prompts.requests > 0 else {
        throw SimulationError(
          "the traces hold no prefill tokens to count a heatmap of; give --heatmap online or a model"
        )
      }
      return try TransitionCounts(of: prompts)
    case .model(let path):
      return TransitionCounts(
        layers: pool.shape.layers, experts: pool.shape.experts,
        counts: try Checkpoint.tokenHeatmap(of: path, shape: pool.shape))
    }
  }
}
