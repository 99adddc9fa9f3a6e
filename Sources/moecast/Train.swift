import ArgumentParser
import Forecast
import MemoryBudget
import ModelFile
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
  var predictor = Predictors.standard.joined(separator: ",")

  @Option(
    help: ArgumentHelp("Model file to write at the end and at checkpoints.", valueName: "file"))
  var model: String?

  @Option(
    help: ArgumentHelp(
      "Checkpoint after so many chunks (64), seconds (30s) or events (1000000e); default at the end.",
      valueName: "interval"))
  var checkpointEvery: CheckpointInterval?

  @Option(help: "Older checkpoints to keep beside the newest, as FILE.1, FILE.2, ...")
  var keep = 1

  @Flag(help: "Go on from the model file's checkpoint, after the chunks that it has seen.")
  var resume = false

  @Option(help: "Stop after this many chunks of the stream.")
  var stopAfter: Int?

  func validate() throws {
    try accuracy.validate()
    guard stopAfter ?? 1 > 0 else { throw ValidationError("--stop-after must be at least 1") }
    guard (0...1000).contains(keep) else { throw ValidationError("--keep is from 0 to 1,000") }
    guard model != nil || (!resume && checkpointEvery == nil) else {
      throw ValidationError("--resume and --checkpoint-every need --model")
    }
    guard !predictor.isEmpty else { throw ValidationError("--predictor is empty") }
  }

  func run() throws {
    let interruption = Interruption()
    guard let model else {
      let stream = try interruption.stream(traces)
      return try learn(stream, from: newLearner(stream.shape), interruption, saver: nil)
    }
    let file = try CheckpointFile(model, keeping: keep)
    if let process = file.staleWriter {
      complain("moecast: \(model): process \(process) was writing it and was killed; going on")
    }
    var checkpoint = resume ? try readCheckpoint(model) : nil
    var stream = try interruption.stream(traces)
    let learner = try checkpoint.take()?.learner ?? newLearner(stream.shape)
    try stream.skip(learner.progress)
    try learn(stream, from: consume learner, interruption, saver: CheckpointSaver(file))
  }

  private func newLearner(_ shape: TraceShape) throws -> Learner {
    let names = predictor.split(separator: ",").map(String.init)
    try AvailableMemory.ofThisProcess().check(
      Learner.memoryDemand(
        shape: shape, predictors: names, for: use, option: "--predictor"))
    return try Learner(shape: shape, predictors: names, recallAt: accuracy.recallAt)
  }

  /// What becomes of the tables, which decides how much memory they take.
  private var use: Learner.Use {
    model == nil ? .learning : checkpointEvery == nil ? .saving : .checkpoints
  }

  private func readCheckpoint(_ model: String) throws -> Checkpoint {
    let checkpoint = try Checkpoint.readNewest(of: model)
    for error in checkpoint.passedOver {
      complain("moecast: \(error.file): \(error.problem); going on from \(checkpoint.path)")
    }
    return checkpoint
  }

  /// Learns the rest of `stream`, saving at checkpoints and at the end.
  ///
  /// Takes the learner over: tables that somebody else kept too would be copied.
  private func learn(
    _ stream: sending TraceStream, from learner: consuming Learner, _ interruption: Interruption,
    saver: CheckpointSaver?
  ) throws {
    var learner = learner
    var run = StreamRun(accuracy, interruption)
    run.stopAfter = stopAfter
    let ending: StreamRun.Ending
    let before = learner.progress
    var schedule = checkpointEvery.map { CheckpointSchedule($0, events: before.events) }
    let clock = ContinuousClock()
    let start = clock.now
    do {
      ending = try run.consume(stream, into: &learner) { learner in
        let progress = learner.progress
        let seconds = (clock.now - start) / .seconds(1)
        if schedule?.isDue(chunks: progress.chunks, events: progress.events, seconds: seconds)
          == true
        {
          try saver?.begin(learner)
        }
      }
    } catch let error as TraceError where learner.progress.chunks > before.chunks {
      // What the intact chunks taught is kept; the damaged one has taught nothing.
      try saver?.finish(learner)
      throw error
    }
    try saver?.finish(learner)
    try run.report(learner)
    if ending == .interrupted {
      complain(
        "moecast: stopped after chunk \(learner.progress.chunks); --resume goes on from there")
    }
  }
}
