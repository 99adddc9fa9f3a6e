import ArgumentParser

/// The system that a report simulates.
struct ReportWaferOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The system that is simulated; default: dojo.", valueName: "name"))
  var wafer: String?

  @Option(help: ArgumentHelp("Tokens of a batch; default: 4096.", valueName: "tokens"))
  var batch: Int?

  @Option(
    help: ArgumentHelp(
      "The model whose experts move, where the traces name none.", valueName: "name"))
  var shape: String?

  func validate() throws {
    guard batch ?? 1 > 0 else { throw ValidationError("--batch is a number from 1") }
    if let shape { _ = try modelShape(shape) }
  }

  /// The options, and whether each was given.
  var given: [(name: String, isGiven: Bool)] {
    [("--wafer", wafer != nil), ("--batch", batch != nil), ("--shape", shape != nil)]
  }

  /// The options with what was given.
  var words: [(String, String?)] {
    [("--wafer", wafer), ("--batch", batch.map { "\($0)" }), ("--shape", shape)]
  }
}
