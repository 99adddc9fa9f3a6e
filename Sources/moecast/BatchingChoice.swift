import ArgumentParser
import Wafer

/// How batches are filled.
struct BatchingChoice: ParsableArguments {
  /// The policies' names.
  enum Name: String, CaseIterable, ExpressibleByArgument {
    case replay, continuous
  }

  @Option(
    help: """
      How batches are filled: replay (slot v replays request v mod N for ever) or continuous (a slot \
      whose request ends takes the next one of a shuffled, endless queue).
      """)
  var batching = Name.replay

  @Option(help: "Seed of the queue of --batching continuous.")
  var seed: UInt64 = 1

  var policy: BatchPolicy { batching == .replay ? .replay() : .continuous(seed: seed) }
}
