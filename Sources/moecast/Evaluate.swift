import ArgumentParser
import ModelFile
import Prequential
import RoutingTrace
import ShardSums
import Training

/// `moecast evaluate`: how well a model forecasts other traces.
struct Evaluate: PrintingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures a model on traces, learning on or frozen.",
    discussion: """
      Every event is forecast and scored; without --frozen it is learnt after that, as in \
      training, and the model file stays as it was.

      Of files that --partial wrote it tells what one run over all of their traces would, to the \
      last digit.

      Example:
        moecast evaluate --model model.h5 --frozen held-out.moe.lz4
        moecast evaluate --model model.h5 --frozen --partial 1.npz 1.moe.lz4
        moecast evaluate 1.npz 2.npz
      """)

  @Argument(
    help: ArgumentHelp(
      "Traces (*.moe.lz4), folders of them, or -; or sums of shards (--partial).",
      valueName: "trace"), completion: .file())
  var traces: [String]

  @Option(
    help: ArgumentHelp("The model file; needed for traces.", valueName: "file"),
    completion: .file())
  var model: String?

  @Flag(help: "Score only; learn nothing.")
  var frozen = false

  @OptionGroup var part: ChunkOption

  @OptionGroup var partial: PartialOption

  @OptionGroup var force: ForceOption

  @OptionGroup var accuracy: AccuracyOptions

  @OptionGroup var progress: ProgressOptions

  func validate() throws {
    try accuracy.refuseIdle()
    if !traces.contains(where: ShardSums.areIn) { _ = try measured }
    guard partial.partial != nil || !force.force else {
      throw ValidationError("--force is for the file of --partial")
    }
    try refuse(
      [
        ("--json", accuracy.json), ("--stage", accuracy.stage != nil),
        ("--per-layer", accuracy.perLayer),
      ], unless: partial.partial == nil, "--partial writes sums in place of figures")
  }

  /// The model to measure.
  private var measured: String {
    get throws {
      guard let model else {
        throw ValidationError(
          "--model names the model to measure; only sums of shards need none")
      }
      return model
    }
  }

  func run(printing output: inout StandardOutput) throws {
    if let files = try ShardInputs.sums(in: traces) { return try add(files, printing: &output) }
    let model = try measured
    guard frozen || partial.partial == nil else {
      throw ValidationError(
        "--partial needs --frozen: a model that learns on would know each shard's past only")
    }
    var learner = try Checkpoint.read(model).learner.scoringAnew(recallAt: accuracy.recallAt)
    let interruption = Interruption()
    let stream = try interruption.stream(traces, chunks: part.range)
    var run = StreamRun(accuracy, progress, interruption)
    run.training.learns = !frozen
    run.isQuiet = partial.partial != nil
    try run.consume(stream, into: &learner, printing: &output)
    guard let partial = partial.partial else {
      try run.report(learner, printing: &output)
      return try run.checkInterruption(learner, "the figures are of those")
    }
    try run.checkInterruption(learner, "no sums were written")
    complain(of: run.training.absent)
    try ShardInputs.write(
      StreamScores(learner).sums(of: .evaluate),
      ShardFacts(
        absent: run.training.absent, known: run.training.known,
        digests: learner.progress.checksums),
      to: partial, inputs: try TraceStream.files(of: traces) + [model], force: force)
  }

  /// Tells the figures of shards, or writes their sums as one.
  private func add(_ files: [String], printing output: inout StandardOutput) throws {
    try refuse(
      [
        ("--model", model != nil), ("--frozen", frozen), ("--chunks", part.chunks != nil),
        ("--recall-at", accuracy.recallList != nil), ("--workers", accuracy.workers.workers != nil),
        ("--every", progress.every != nil), ("--quiet", progress.quiet),
      ], unless: false, "sums of shards are added as they are")
    let (scores, facts) = try ShardInputs.total(
      of: files, .evaluate, read: { (sums) throws(ShardSumsError) in try StreamScores(sums) },
      add: { (all, next) throws(ShardSumsError) in try all.add(next) })
    if let partial = partial.partial {
      return try ShardInputs.write(
        scores.sums(of: .evaluate), facts, to: partial, inputs: files, force: force)
    }
    let report = AccuracyReport(
      scores, recallAt: scores.recallAt, events: scores.progress.events, absent: facts.absent,
      known: facts.known, seconds: 0)
    complain(of: facts.absent)
    complain(of: facts.known)
    guard !accuracy.json else { return output.text(try json(report)) }
    output.show(report, of: scores, as: accuracy)
    output.line(
      "\(counted(scores.progress.requests, "request")), "
        + "\(counted(scores.progress.tokens, "token")) of " + counted(files.count, "shard"))
  }
}
