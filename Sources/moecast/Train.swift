import ArgumentParser
import Forecast
import ModelFile
import PathText
import Prequential
import RoutingTrace
import SystemPackage
import Training

/// `moecast train`: learns from a stream, scoring every event before learning it.
struct Train: PrintingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Learns from a stream of traces, scoring every event before it learns it.",
    discussion: """
      Reads traces, folders of them, FIFOs or standard input (-), forecasts every event, scores \
      the forecast and only then learns the event.

      --from begins with what an older model knows; the figures are those of the new traces alone. \
      --resume goes on with a training that was broken off, from the same traces and with the \
      same predictors.

      Example:
        moecast train traces/ -o model.h5 --checkpoint-every 64
        moecast train --from model.h5 tuesday/ -o tuesday.h5

      Predictors: \(PredictorCatalog.standard.names.joined(separator: ", ")); `moecast list \
      predictors` says what they are.
      """)

  @Argument(
    help: ArgumentHelp("Traces (*.moe.lz4), folders of them, or -.", valueName: "trace"),
    completion: .file())
  var traces: [String]

  @OptionGroup var accuracy: AccuracyOptions

  @OptionGroup var progress: ProgressOptions

  @Option(
    name: [.customLong("predictors"), .customLong("predictor")],
    help: ArgumentHelp(
      "Predictors with commas; default those of --from, else \(Self.standard.joined(separator: ",")).",
      valueName: "names"), completion: .list(PredictorCatalog.standard.names))
  var predictors: String?
  private static let standard = PredictorCatalog.standardNames

  @Option(
    help: ArgumentHelp("A model whose knowledge to begin with, only read.", valueName: "model"),
    completion: .file())
  var from: String?

  @Option(
    name: [.short, .long, .customLong("model")],
    help: ArgumentHelp(
      "Model file to write at the end and at checkpoints; without it nothing is kept.",
      valueName: "file"), completion: .file())
  var output: String?

  @Option(
    help: ArgumentHelp(
      """
      Checkpoint after so many chunks (64), seconds (30s) or events (1000000e); default at the \
      end.
      """,
      valueName: "interval"))
  var checkpointEvery: CheckpointInterval?

  @Option(help: "Older checkpoints to keep beside the newest, as FILE.1, FILE.2, ...")
  var keep = 1

  @Flag(help: "Write the model without a lock, where the file system keeps none.")
  var noLock = false

  @OptionGroup var force: ForceOption

  @Flag(help: "Go on from the model file's checkpoint, after the chunks that it has seen.")
  var resume = false

  @OptionGroup var part: ChunkOption

  @Option(help: "Stop after this many chunks of the stream.")
  var stopAfter: Int?

  func validate() throws {
    guard stopAfter ?? 1 > 0 else { throw ValidationError("--stop-after must be at least 1") }
    guard (0...1000).contains(keep) else { throw ValidationError("--keep is from 0 to 1,000") }
    guard output != nil || (!resume && checkpointEvery == nil && !noLock && !force.force) else {
      throw ValidationError("--resume, --checkpoint-every, --no-lock and --force need --output")
    }
    _ = try specs
    try accuracy.refuseIdle()
    guard from == nil || !resume else {
      throw ValidationError(
        "--from begins a new model and --resume goes on with the one in --output; leave one out")
    }
  }

  func run(printing output: inout StandardOutput) throws {
    let interruption = Interruption()
    guard let model = self.output else {
      let stream = try interruption.stream(traces, chunks: part.range)
      return try learn(
        stream, from: beginning(on: stream.shape), interruption, saver: nil, printing: &output)
    }
    let file = try CheckpointFile(
      model, keeping: keep, inputs: try TraceStream.files(of: traces) + (from.map { [$0] } ?? []),
      isForced: force.force,
      isLocked: !noLock)
    for warning in file.warnings { complain("moecast: \(warning)") }
    var checkpoint = resume ? try readCheckpoint(model) : nil
    var stream = try interruption.stream(traces, chunks: part.range)
    let learner: Learner
    if let checkpoint = checkpoint.take() {
      do {
        learner = try TrainingStart.resuming(
          checkpoint, &stream, predictors: try specs, recallAt: accuracy.recallAt)
      } catch let error as ModelError where error.kind == .mismatch {
        // Of what was asked for here, not of the traces.
        throw ValidationError("\(error)")
      } catch is CancellationError {
        return try interruption.check(
          "while it passed over what was learnt; --resume goes on from there")
      }
    } else {
      try file.check(replacingBy: stream.shape)
      learner = try beginning(on: stream.shape)
    }
    try learn(
      stream, from: consume learner, interruption, saver: CheckpointSaver(file), printing: &output)
  }

  /// The predictors that were asked for; nil where none were.
  private var specs: [PredictorSpec]? {
    get throws {
      try predictors.map { try predictorSpecs(words($0)) }
    }
  }

  /// The learner that a new training begins with: that of --from, or one that knows nothing.
  private func beginning(on shape: TraceShape) throws -> Learner {
    if let from {
      return try TrainingStart.continuing(
        try Checkpoint.read(from), on: shape, predictors: try specs, recallAt: accuracy.recallAt,
        model: output)
    }
    let standard = try PredictorCatalog.standard.specs(named: Self.standard)
    return try TrainingStart.anew(
      shape, predictors: try specs ?? standard,
      recallAt: accuracy.recallAt, model: output, for: use, option: "--predictors")
  }

  /// What becomes of the tables, which decides how much memory they take.
  private var use: Learner.Use {
    output == nil ? .learning : checkpointEvery == nil ? .saving : .checkpoints
  }

  private func readCheckpoint(_ model: String) throws -> Checkpoint {
    let checkpoint = try Checkpoint.readNewest(of: model)
    for error in checkpoint.passedOver {
      complain("moecast: \(error.file): \(error.problem); going on from \(checkpoint.path)")
    }
    return checkpoint
  }

  /// Where what was learnt is now, in words.
  private func kept(_ learner: Learner) -> String {
    guard let output else { return "nothing is kept: -o MODEL.h5 keeps what was learnt" }
    let size = (try? FilePath(text: output).stat()).map { ", \(bytes(Int($0.size)))" } ?? ""
    let older = (try? FilePath(text: output + ".1").stat()) != nil ? "; \(output).1 is older" : ""
    return "written: \(output)\(size), \(counted(learner.predictors.count, "predictor")) after "
      + counted(learner.progress.chunks, "chunk") + older
  }

  /// Learns the rest of `stream`, saving at checkpoints and at the end.
  ///
  /// Takes the learner over: tables that somebody else kept too would be copied.
  private func learn(
    _ stream: sending TraceStream, from learner: consuming Learner, _ interruption: Interruption,
    saver: CheckpointSaver?, printing output: inout StandardOutput
  ) throws {
    var learner = learner
    var run = StreamRun(accuracy, progress, interruption)
    run.training.stopAfter = stopAfter
    run.training.saver = saver
    run.training.interval = checkpointEvery
    try run.consume(stream, into: &learner, printing: &output)
    try run.report(learner, keptIn: saver == nil ? nil : self.output, printing: &output)
    if !accuracy.json { output.line(kept(learner)) }
    try run.checkInterruption(
      learner,
      saver == nil ? "nothing was kept without --output" : "--resume goes on from there")
  }
}

extension CheckpointInterval: ExpressibleByArgument {
  /// The interval that `--checkpoint-every` names: chunks (`64`) or seconds (`30s`).
  public init?(argument: String) { self.init(argument) }
}
