import ArgumentParser
import Forecast
import Glibc
import MemoryBudget
import Prequential
import RoutingTrace
import ShardSums

/// `moecast compare`: several predictors over the same stream, with intervals.
struct Compare: PrintingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compares predictors on the same traces in one pass, with 95 % intervals.",
    discussion: """
      Every event is forecast by every predictor, scored, and only then learnt. The intervals come \
      from a bootstrap over requests, from the 4,097th on over 4,096 groups of them.

      A mixture's name takes changes after colons: mixture:h2 forecasts two layers ahead (h1 to \
      h4), mixture:next the next token; mixture:without-linear, mixture:only-layer and \
      mixture:with-pairs change its parts; mixture:tasks uses the requests' tasks, \
      mixture:cold-decode forgets the prefill before the decode, mixture:halving-4096 halves rows \
      that reach that sum.
      Of files that --partial wrote it tells the figures of all their shards, each of which began \
      knowing nothing, with intervals over all their requests.

      Parts: frequency, layer, skip2, skip3, skip4, token, request, recent, pairs, joint-pairs, \
      near-paths, long-paths, best-paths (all three: paths), repeats, linear.

      Example:
        moecast compare --predictors layer-markov,mixture-fast,mixture traces/
        moecast compare --resume compared.h5 traces/
      """)

  @Argument(
    help: ArgumentHelp(
      "Traces (*.moe.lz4), folders of them, or -; or sums of shards (--partial).",
      valueName: "trace"), completion: .file())
  var traces: [String]

  @Option(
    name: [.customLong("predictors"), .customLong("predictor")],
    help: ArgumentHelp(
      "Predictors with commas; `moecast list predictors` names all.", valueName: "names"),
    completion: .list(PredictorCatalog.standard.names))
  var predictors = Self.standard
  private static let standard =
    "frequency,layer-markov,layer-product,token-markov,mixture-fast,mixture"

  @Flag(help: "Add every mixture with one part left out at a time.")
  var ablate = false

  @Flag(help: "Shuffle every layer's events within a chunk: a control without anything to learn.")
  var shuffled = false

  @Option(help: "Seed of the bootstrap and the shuffling; default: 1.")
  var seed: UInt64?

  @Option(help: "Times that requests or groups are drawn anew for the intervals.")
  var resamples = 1000

  @Option(
    help: ArgumentHelp(
      """
      Keep the comparison in this model file (*.h5) at its end and on Ctrl-C, and go on from what it \
      has of the same predictors and traces.
      """, valueName: "file"))
  var resume: String?

  @OptionGroup var part: ChunkOption

  @OptionGroup var partial: PartialOption

  @OptionGroup var force: ForceOption

  @OptionGroup var accuracy: AccuracyOptions

  func validate() throws {
    _ = try predictorSpecs(names)
    try accuracy.refuseIdle()
    try refuse(
      [("--resume", resume != nil)], unless: !shuffled, "a shuffled control is run in one go")
    try refuse(
      [("--seed", seed != nil)], unless: resamples > 0 || shuffled,
      "nothing is drawn without --resamples and --shuffled")
    guard (0...100_000).contains(resamples) else {
      throw ValidationError("--resamples is from 0 to 100,000")
    }
    guard partial.partial != nil || !force.force else {
      throw ValidationError("--force is for the file of --partial")
    }
    try refuse(
      [
        ("--json", accuracy.json), ("--stage", accuracy.stage != nil),
        ("--per-layer", accuracy.perLayer), ("--resamples", resamples != 1000),
        ("--seed", seed != nil && !shuffled),
      ], unless: partial.partial == nil, "--partial writes sums in place of figures")
  }

  /// The predictors to compare, ablations behind the mixture they belong to.
  private var names: [String] {
    words(predictors).flatMap { name in
      guard ablate, let options = PredictorCatalog.standard.spec(named: name)?.mixture else {
        return [name]
      }
      return [name]
        + MixtureParts.named.filter { options.parts.contains($0.part) }
        .map { "\(name):without-\($0.name)" }
    }
  }

  func run(printing output: inout StandardOutput) throws {
    if let files = try ShardInputs.sums(in: traces) { return try add(files, printing: &output) }
    let interruption = Interruption()
    var stream = try interruption.stream(traces, chunks: part.range)
    let specs = try predictorSpecs(names)
    try AvailableMemory.ofThisProcess().check(
      Comparison.memoryDemand(
        shape: stream.shape, predictors: specs, recallAt: accuracy.recallAt, option: "--predictors")
    )
    let kept = try resume.map {
      try KeptComparison($0, inputs: try TraceStream.files(of: traces))
    }
    var comparison = Comparison(
      shape: stream.shape, predictors: specs, recallAt: accuracy.recallAt)
    if let resume,
      let earlier = try KeptComparison.comparison(
        at: resume, &stream, predictors: specs, recallAt: accuracy.recallAt)
    {
      comparison = earlier
    }
    var random = SeededGenerator(seed: seed ?? 1)
    let workers = accuracy.workers.threads
    var pass = StreamPass(interruption)
    var chunks = 0
    pass.consume(telling: stream) { chunk in
      if shuffled {
        try comparison.consumeShuffled(chunk, workers: workers, using: &random)
      } else {
        try comparison.consume(chunk, workers: workers)
      }
      chunks += 1
      return Self.line(comparison.learner, after: chunks)
    }
    try kept?.keep(comparison)
    if let partial = partial.partial {
      try pass.finish("no sums were written")
      return try ShardInputs.write(
        comparison.scores.sums,
        ShardFacts(absent: pass.absent, known: pass.known, digests: pass.digests), to: partial,
        inputs: try TraceStream.files(of: traces), force: force)
    }
    complain(of: pass.known)
    if pass.hasFigures {
      try tell(
        ComparisonReport(
          comparison.scores, resamples: resamples, seed: seed ?? 1, stage: accuracy.stage,
          known: pass.known, seconds: pass.seconds), "in \(decimals(pass.seconds, 2)) s",
        printing: &output)
    }
    let remedy =
      resume.map { "the same with --resume \($0) goes on from there" }
      ?? "--resume FILE would have kept them"
    try pass.finish("the figures are partial: of those alone; \(remedy)")
  }

  /// What the predictors have reached so far, after 1, 2, 4, 8, ... chunks.
  private static func line(_ learner: Learner, after chunks: Int) -> String? {
    guard chunks & (chunks - 1) == 0, !learner.recallAt.isEmpty else { return nil }
    let n = learner.recallAt.contains(learner.shape.topK) ? learner.shape.topK : learner.recallAt[0]
    let figures = learner.predictors.enumerated().map { index, name in
      let recall = learner.score(of: index, stages: Stage.allCases).recall(at: n)
      return "\(name) \(recall.map { decimals($0, 4) } ?? "-")"
    }
    let text =
      "\(counted(chunks, "chunk")), \(counted(learner.progress.events, "event")): recall@\(n) "
      + figures.joined(separator: ", ")
    return filled(text, width: Terminal.of(STDERR_FILENO).width ?? 80, indent: "  ")
  }

  /// Tells the figures of shards, or writes their sums as one.
  private func add(_ files: [String], printing output: inout StandardOutput) throws {
    try refuse(
      [
        ("--predictors", predictors != Self.standard), ("--ablate", ablate),
        ("--shuffled", shuffled), ("--chunks", part.chunks != nil),
        ("--recall-at", accuracy.recallList != nil),
        ("--workers", accuracy.workers.workers != nil), ("--resume", resume != nil),
      ], unless: false, "sums of shards are added as they are")
    let (scores, facts) = try ShardInputs.total(
      of: files, .compare, read: { (sums) throws(ShardSumsError) in try ComparedScores(sums) },
      add: { (all, next) throws(ShardSumsError) in try all.add(next) })
    if let partial = partial.partial {
      return try ShardInputs.write(scores.sums, facts, to: partial, inputs: files, force: force)
    }
    complain(of: facts.absent)
    complain(of: facts.known)
    try tell(
      ComparisonReport(
        scores, resamples: resamples, seed: seed ?? 1, stage: accuracy.stage, known: facts.known,
        seconds: 0),
      "of " + counted(files.count, "shard"), printing: &output)
  }

  /// - Parameter extent: in what time, or of what.
  private func tell(
    _ report: ComparisonReport, _ extent: String, printing output: inout StandardOutput
  ) throws {
    if accuracy.json { return output.text(try json(report)) }
    output.show(report.table(stage: accuracy.stage))
    if !report.verdicts.isEmpty {
      output.line()
      for verdict in report.verdicts { output.line(verdict.description) }
    }
    if accuracy.perLayer {
      output.line()
      output.show(report.layers.layerTable(report.predictors, n: report.topK))
    }
    output.line()
    output.line(
      "\(counted(report.requests, "request")), \(counted(report.tokens, "token")) \(extent)")
  }
}
