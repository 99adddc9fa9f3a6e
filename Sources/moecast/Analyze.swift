import ArgumentParser
import Insight
import LoadProfile
import MemoryBudget
import RoutingTrace

/// `moecast analyze`: what is regular in a trace.
struct Analyze: PrintingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures how regular the routing is: the paper's six observations.",
    discussion: """
      Counts once through the traces, in bounded memory: which experts follow which from layer to \
      layer and token to token, how alike prefill and decode are, how uneven experts and pairs of \
      experts are used, and how tasks differ. "Popularity alone" is what a router would reach that \
      draws every expert by its share in the layer, with as few tokens as there are.

      Of a load profile, which holds counts only, it tells how unevenly experts are used.

      Example:
        moecast analyze traces/
        moecast analyze --json traces/ > observations.json
        moecast report traces/ -o report.html
      """)

  @Argument(
    help: ArgumentHelp(
      "Traces (*.moe.lz4), folders of them, or -; or one load profile (*.h5).", valueName: "trace"))
  var traces: [String]

  /// Where the page went that this command wrote before `report` did.
  @Option(name: .shortAndLong, help: .hidden)
  var output: String?

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
  }

  func run(printing standardOutput: inout StandardOutput) throws {
    if let report = try loadReport() {
      return try standardOutput.report(json, report, report.text)
    }
    let interruption = Interruption()
    let stream = try interruption.stream(traces)
    try AvailableMemory.ofThisProcess().check(
      TraceAnalysis.memoryDemand(shape: stream.shape, workers: workers.threads))
    var analysis = TraceAnalysis(shape: stream.shape)
    var pass = StreamPass(interruption)
    pass.consume(stream) { try analysis.consume($0.block, workers: workers.threads) }
    if pass.hasFigures {
      let report = AnalysisReport(
        analysis.observations(workers: workers.threads), seconds: pass.seconds)
      try standardOutput.report(json, report, report.text(perLayer: perLayer))
    }
    if analysis.hasMoreTasks {
      complain("moecast: more than 1,024 tasks; requests of further ones count as of none")
    }
    try pass.finish("the figures are partial: of those alone")
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
    return LoadReport(try LoadProfile(path: profile))
  }
}
