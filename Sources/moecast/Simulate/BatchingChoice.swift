import ArgumentParser
import Demand
import RoutingTrace

/// How batches are filled.
struct BatchingChoice: ParsableArguments {
  /// The policies' names.
  enum Name: String, CaseIterable, ExpressibleByArgument {
    case replay, continuous
  }

  @Option(
    help: """
      continuous: a slot whose request ends takes the next one of a shuffled, endless queue of all \
      requests. replay, as in the paper's reference: slot v replays request v mod N for ever, a \
      small batch always the first ones. Default: continuous.
      """)
  var batching: Name?

  @Option(
    help: ArgumentHelp(
      """
      With --stage prefill: a step takes up to this many tokens of a prompt at once, prompts under \
      way first, until the batch is full.
      """, valueName: "tokens"))
  var prefillChunk: Int?

  @Option(
    help: ArgumentHelp(
      "Of the queue of requests, or several with commas for a run each; default: 1.",
      valueName: "numbers"))
  var seed: String?

  func validate() throws { _ = try seeds() }

  /// The seeds asked for.
  func seeds() throws -> [UInt64] {
    try commaSeparated(seed ?? "1", "--seed", "whole numbers from 0") { UInt64($0) }
  }

  /// Refuses what does not go together.
  ///
  /// - Parameters:
  ///   - stage: The stage whose tokens fill the batches.
  ///   - forecasts: What is forecast with.
  func check(stage: String, forecasts: [ForecastSource]) throws {
    try refuse(
      [("--seed", seed != nil)], unless: draws,
      "--batching replay draws nothing")
    guard let prefillChunk else { return }
    guard prefillChunk > 0, stage == Stage.prefill.name, batching == nil else {
      throw ValidationError(
        "--prefill-chunk is at least 1, goes with --stage prefill and without --batching")
    }
    if let source = forecasts.first(where: { $0.choice?.usesMixture ?? false || $0.path != nil }) {
      throw ValidationError(
        "--forecast \(source.name) follows requests token by token; with --prefill-chunk give heatmap or"
          + " frequency")
    }
  }

  /// Whether requests are drawn.
  var draws: Bool { batching != .replay }

  /// The policy with a seed.
  func policy(seed: UInt64) -> BatchPolicy {
    if let prefillChunk { return .prefillChunks(of: prefillChunk, seed: seed) }
    return batching == .replay ? .replay() : .continuous(seed: seed)
  }
}
