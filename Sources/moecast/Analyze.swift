import ArgumentParser
import Insight
import LoadProfile
import MemoryBudget
import RoutingTrace
import ShardSums

/// `moecast analyze`: what is regular in a trace.
struct Analyze: PrintingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures how regular the routing is: the paper's six observations.",
    discussion: """
      Counts once through the traces, in bounded memory: which experts follow which from layer to \
      layer and token to token, how alike prefill and decode are, how uneven experts and pairs of \
      experts are used, and how tasks differ. "Popularity alone" is what a router would reach that \
      draws every expert by its share in the layer, with as few tokens as there are.

      Of files that --partial wrote it tells what one run over all of their traces would, to the \
      last digit; of a load profile, which holds counts only, it tells how unevenly experts are used.

      Example:
        moecast analyze traces/
        moecast analyze --json traces/ > observations.json
        moecast report traces/ -o report.html
      """)

  @Argument(
    help: ArgumentHelp(
      """
      Traces (*.moe.lz4), folders of them, or -; or sums of shards (--partial), or one load profile \
      (*.h5).
      """, valueName: "trace"))
  var traces: [String]

  /// Where the page went that this command wrote before `report` did.
  @Option(name: .shortAndLong, help: .hidden)
  var output: String?

  @OptionGroup var part: ChunkOption

  @OptionGroup var partial: PartialOption

  @OptionGroup var force: ForceOption

  @Flag(help: "Print the leading figures of every layer too.")
  var perLayer = false

  @Flag(help: "Print one JSON object instead of tables.")
  var json = false

  @OptionGroup var workers: WorkerOptions

  func validate() throws {
    if let output {
      throw ValidationError(
        "analyze prints tables; the page is written by "
          + "`moecast report \(traces.first ?? "TRACE") -o \(output)`")
    }
    guard partial.partial != nil || !force.force else {
      throw ValidationError("--force is for the file of --partial")
    }
    try refuse(
      [("--per-layer", perLayer), ("--json", json)],
      unless: partial.partial == nil, "--partial writes sums in place of figures")
  }

  func run(printing standardOutput: inout StandardOutput) throws {
    if let report = try loadReport() {
      return try standardOutput.report(json, report, report.text)
    }
    if let files = try ShardInputs.sums(in: traces) {
      return try add(files, printing: &standardOutput)
    }
    let interruption = Interruption()
    let stream = try interruption.stream(traces, chunks: part.range)
    try AvailableMemory.ofThisProcess().check(
      TraceAnalysis.memoryDemand(shape: stream.shape, workers: workers.threads))
    var analysis = TraceAnalysis(shape: stream.shape)
    var pass = StreamPass(interruption)
    pass.consume(stream) { try analysis.consume($0.block, workers: workers.threads) }
    if partial.partial == nil, pass.hasFigures {
      try tell(analysis, seconds: pass.seconds, printing: &standardOutput)
    }
    complainOfTasks(analysis)
    guard let partial = partial.partial else {
      return try pass.finish("the figures are partial: of those alone")
    }
    try pass.finish("no sums were written")
    try ShardInputs.write(
      analysis.sums, ShardFacts(absent: pass.absent, known: pass.known, digests: pass.digests),
      to: partial, inputs: try TraceStream.files(of: traces), force: force)
  }

  /// Tells the figures of shards, or writes their sums as one.
  private func add(
    _ files: [String], printing standardOutput: inout StandardOutput
  ) throws {
    try refuse(
      [("--chunks", part.chunks != nil)], unless: false, "sums of shards are added as they are")
    let (analysis, facts) = try ShardInputs.total(
      of: files, .analyze, read: { (sums) throws(ShardSumsError) in try TraceAnalysis(sums) },
      add: { (all, next) throws(ShardSumsError) in try all.add(next) })
    if let partial = partial.partial {
      return try ShardInputs.write(analysis.sums, facts, to: partial, inputs: files, force: force)
    }
    try tell(analysis, seconds: 0, printing: &standardOutput)
    complainOfTasks(analysis)
    complain(of: facts.absent)
  }

  private func complainOfTasks(_ analysis: TraceAnalysis) {
    guard analysis.hasMoreTasks else { return }
    complain("moecast: more than 1,024 tasks; requests of further ones count as of none")
  }

  /// What is to be told of a load profile; nil where the inputs are traces.
  private func loadReport() throws -> LoadReport? {
    guard
      let profile = traces.first(where: { $0 != StandardStream.dash && LoadProfile.isProfile($0) })
    else { return nil }
    guard traces.count == 1 else {
      throw ValidationError("\(profile) is a load profile, which is analyzed alone")
    }
    if perLayer {
      throw ValidationError("--per-layer is for traces; a load profile is told layer by layer")
    }
    try refuse(
      [("--partial", partial.partial != nil), ("--chunks", part.chunks != nil)], unless: false,
      "a load profile is told whole")
    return LoadReport(try LoadProfile(path: profile))
  }

  private func tell(
    _ analysis: TraceAnalysis, seconds: Double, printing standardOutput: inout StandardOutput
  ) throws {
    let report = AnalysisReport(
      analysis.observations(workers: workers.threads), seconds: seconds)
    try standardOutput.report(json, report, report.text(perLayer: perLayer))
  }
}
