import ArgumentParser
import Forecast
import MemoryBudget
import Prequential
import RoutingTrace

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
      Parts: frequency, layer, skip2, skip3, skip4, token, request, recent, pairs, joint-pairs, \
      near-paths, long-paths, best-paths (all three: paths), repeats, linear.

      Example:
        moecast compare --predictors layer-markov,mixture-fast,mixture traces/
      """)

  @Argument(help: ArgumentHelp("Traces (*.moe.lz4), folders of them, or -.", valueName: "trace"))
  var traces: [String]

  @Option(help: ArgumentHelp("Predictors with commas.", valueName: "names"))
  var predictors = "frequency,layer-markov,layer-product,token-markov,mixture-fast,mixture"

  @Flag(help: "Add every mixture with one part left out at a time.")
  var ablate = false

  @Flag(help: "Shuffle every layer's events within a chunk: a control without anything to learn.")
  var shuffled = false

  @Option(help: "Seed of the bootstrap and the shuffling.")
  var seed: UInt64 = 1

  @Option(help: "Times that requests or groups are drawn anew for the intervals.")
  var resamples = 1000

  @OptionGroup var accuracy: AccuracyOptions

  func validate() throws {
    guard !names.isEmpty else { throw ValidationError("--predictors is empty") }
    guard Set(names).count == names.count else {
      throw ValidationError("--predictors names one twice")
    }
    guard (0...100_000).contains(resamples) else {
      throw ValidationError("--resamples is from 0 to 100,000")
    }
  }

  /// The predictors to compare, ablations behind the mixture they belong to.
  private var names: [String] {
    predictors.split(separator: ",").map(String.init).flatMap { name in
      guard ablate, let options = PredictorCatalog.standard.spec(named: name)?.mixture else {
        return [name]
      }
      return [name]
        + MixtureParts.named.filter { options.parts.contains($0.part) }
        .map { "\(name):without-\($0.name)" }
    }
  }

  func run(printing output: inout StandardOutput) throws {
    let interruption = Interruption()
    let stream = try interruption.stream(traces)
    let specs = try PredictorCatalog.standard.specs(named: names)
    try AvailableMemory.ofThisProcess().check(
      Comparison.memoryDemand(
        shape: stream.shape, predictors: specs, recallAt: accuracy.recallAt, option: "--predictors")
    )
    var comparison = Comparison(
      shape: stream.shape, predictors: specs, recallAt: accuracy.recallAt)
    var random = SeededGenerator(seed: seed)
    let workers = accuracy.workers.threads
    var pass = StreamPass(interruption)
    pass.consume(stream) { chunk in
      if shuffled {
        try comparison.consumeShuffled(chunk, workers: workers, using: &random)
      } else {
        try comparison.consume(chunk, workers: workers)
      }
    }
    complain(of: pass.known)
    if pass.hasFigures {
      try tell(
        ComparisonReport(
          comparison, resamples: resamples, seed: seed, known: pass.known, seconds: pass.seconds),
        printing: &output)
    }
    try pass.finish("the figures are partial: of those alone")
  }

  private func tell(_ report: ComparisonReport, printing output: inout StandardOutput) throws {
    if accuracy.json { return output.text(try json(report)) }
    output.text(report.table(stage: accuracy.stage))
    if accuracy.perLayer {
      output.line()
      output.text(report.layers.layerTable(report.predictors, n: report.topK))
    }
    output.line()
    output.line(
      "\(grouped(report.requests)) requests, \(grouped(report.tokens)) tokens in "
        + "\(decimals(report.seconds, 2)) s")
  }
}
