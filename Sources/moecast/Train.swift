import ArgumentParser
import Forecast
import Prequential
import RoutingTrace

/// `moecast train`: learns from a stream, scoring every event before learning it.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Learns from a stream of traces, scoring every event before it learns it.",
    discussion: """
      Reads traces, folders of them, FIFOs or standard input (-), forecasts every event, scores \
      the forecast and only then learns the event.

      Example:
        moecast train traces/ --model model.h5 --checkpoint-every 64
      """)

  @Argument(help: ArgumentHelp("Traces (*.moe.lz4), folders of them, or -.", valueName: "trace"))
  var traces: [String]

  @OptionGroup var accuracy: AccuracyOptions

  @Option(help: ArgumentHelp("Predictors with commas.", valueName: "names"))
  var predictor = Predictors.all.map(\.name).joined(separator: ",")

  @Option(help: "Stop after this many chunks.")
  var stopAfter: Int?

  func validate() throws {
    try accuracy.validate()
    guard stopAfter ?? 1 > 0 else { throw ValidationError("--stop-after must be at least 1") }
  }

  func run() throws {
    var stream = try TraceStream(traces)
    let names = predictor.split(separator: ",").map(String.init)
    var learner = try Learner(
      shape: stream.shape, predictors: names, recallAt: accuracy.recallAt)
    var run = StreamRun(accuracy)
    run.stopAfter = stopAfter
    _ = try run.consume(&stream, into: &learner)
    try run.report(learner)
  }
}
