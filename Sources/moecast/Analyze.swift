import ArgumentParser
import DurableFile
import Insight
import MemoryBudget
import RoutingTrace
import SystemPackage

/// `moecast analyze`: what is regular in a trace.
struct Analyze: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures how regular the routing is: the paper's six observations.",
    discussion: """
      Counts once through the traces, in bounded memory: which experts follow which from layer to layer \
      and token to token, how alike prefill and decode are, how uneven experts and pairs of experts are \
      used, and how tasks differ. "Popularity alone" is what a router would reach that draws every \
      expert by its share in the layer, with as few tokens as there are.

      Example:
        moecast analyze traces/
        moecast analyze traces/ -o report.html
        moecast analyze --json traces/ > observations.json
      """)

  @Argument(help: ArgumentHelp("Traces (*.moe.lz4), folders of them, or -.", valueName: "trace"))
  var traces: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Write a page with charts and heatmaps to this file too, or to - in place of the tables.",
      valueName: "file"))
  var output: String?

  @Flag(help: "Print the leading figures of every layer too.")
  var perLayer = false

  @Flag(help: "Print one JSON object instead of tables.")
  var json = false

  @OptionGroup var workers: WorkerOptions

  func run() throws {
    // Found out before hours of reading whether it can be written.
    var page = try pagePath.map { try DurableFile(replacing: $0) }
    let interruption = Interruption()
    let stream = try interruption.stream(traces)
    try AvailableMemory.ofThisProcess().check(
      TraceAnalysis.memoryDemand(shape: stream.shape, workers: workers.threads))
    var analysis = TraceAnalysis(shape: stream.shape)
    var bar = ProgressBar(total: stream.size)
    let ahead = TraceReadAhead(stream)
    var failure: (any Error)?
    do {
      while !interruption.isRequested, let chunk = try ahead.next() {
        try analysis.consume(chunk.block, workers: workers.threads)
        bar.update(ahead.bytesRead)
      }
    } catch is CancellationError {
      // Asked to stop while a pipe was empty.
    } catch {
      // What the intact chunks tell is told before the damaged one is complained of.
      failure = error
    }
    bar.clear()
    if analysis.requests > 0 || failure == nil {
      try tell(analysis, seconds: bar.seconds, page: page.take())
    }
    ahead.complainOfUnfinished()
    if analysis.hasMoreTasks {
      complain("moecast: more than 1,024 tasks; requests of further ones count as of none")
    }
    if let failure { throw failure }
    if interruption.isRequested { complain("moecast: stopped; the figures are of what was read") }
  }

  private func tell(
    _ analysis: TraceAnalysis, seconds: Double, page: consuming DurableFile?
  ) throws {
    let report = AnalysisReport(
      analysis.observations(workers: workers.threads), seconds: seconds)
    if output == TraceFile.standardInput {
      return print(AnalysisPage(report, analysis).html, terminator: "")
    }
    if var page {
      try page.append(Array(AnalysisPage(report, analysis).html.utf8))
      try page.commit()
    }
    print(json ? try moecast.json(report) : report.text(perLayer: perLayer))
  }

  /// The page's file, nil where there is none or it goes to standard output.
  private var pagePath: FilePath? {
    output.flatMap { $0 == TraceFile.standardInput ? nil : FilePath($0) }
  }
}
