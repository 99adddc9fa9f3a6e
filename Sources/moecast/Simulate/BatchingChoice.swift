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
      replay: slot v replays request v mod N for ever. continuous: a slot whose request ends takes \
      the next one of a shuffled, endless queue.
      """)
  var batching = Name.replay

  @Option(
    help: ArgumentHelp(
      """
      With --stage prefill: a step takes up to this many tokens of a prompt at once, prompts under \
      way first, until the batch is full.
      """, valueName: "tokens"))
  var prefillChunk: Int?

  @Option(help: "Of the queue of --batching continuous and --prefill-chunk; default: 1.")
  var seed: UInt64?

  /// Refuses what does not go together.
  ///
  /// - Parameters:
  ///   - stage: The stage whose tokens fill the batches.
  ///   - forecasts: What is forecast with.
  func check(stage: String, forecasts: [ForecastSource]) throws {
    try refuse(
      [("--seed", seed != nil)], unless: batching == .continuous || prefillChunk != nil,
      "it is for --batching continuous and --prefill-chunk")
    guard let prefillChunk else { return }
    guard prefillChunk > 0, stage == Stage.prefill.name, batching == .replay else {
      throw ValidationError(
        "--prefill-chunk is at least 1, goes with --stage prefill and without --batching")
    }
    if let source = forecasts.first(where: { $0 == .own(.mixture) || $0.path != nil }) {
      throw ValidationError(
        "--forecast \(source.name) follows requests token by token; with --prefill-chunk give heatmap or"
          + " frequency")
    }
  }

  /// The policy with its seed.
  var policy: BatchPolicy {
    let seed = seed ?? 1
    if let prefillChunk { return .prefillChunks(of: prefillChunk, seed: seed) }
    return batching == .replay ? .replay() : .continuous(seed: seed)
  }
}
