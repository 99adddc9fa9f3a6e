import ArgumentParser
import ModelFile
import Prequential
import RoutingTrace
import Training

/// `moecast evaluate`: how well a model forecasts other traces.
struct Evaluate: PrintingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures a model on traces, learning on or frozen.",
    discussion: """
      Every event is forecast and scored; without --frozen it is learnt after that, as in \
      training, and the model file stays as it was.

      Example:
        moecast evaluate --model model.h5 --frozen held-out.moe.lz4
      """)

  @Argument(
    help: ArgumentHelp("Traces (*.moe.lz4), folders of them, or -.", valueName: "trace"),
    completion: .file())
  var traces: [String]

  @Option(help: ArgumentHelp("The model file.", valueName: "file"), completion: .file())
  var model: String

  @Flag(help: "Score only; learn nothing.")
  var frozen = false

  @OptionGroup var accuracy: AccuracyOptions

  @OptionGroup var progress: ProgressOptions

  func validate() throws { try accuracy.refuseIdle() }

  func run(printing output: inout StandardOutput) throws {
    var learner = try Checkpoint.read(model).learner.scoringAnew(recallAt: accuracy.recallAt)
    let interruption = Interruption()
    let stream = try interruption.stream(traces)
    var run = StreamRun(accuracy, progress, interruption)
    run.training.learns = !frozen
    try run.consume(stream, into: &learner, printing: &output)
    try run.report(learner, printing: &output)
    try run.checkInterruption(learner, "the figures are of those")
  }
}
