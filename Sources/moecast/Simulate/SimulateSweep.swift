import ArgumentParser
import Demand
import RoutingTrace
import Staging
import Synchronization
import Wafer

/// `moecast simulate sweep`: the paper's figures 12, 14 and 15.
struct SimulateSweep: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Runs all strategies for the paper's models, systems and batches.",
    discussion: """
      Example:
        moecast simulate sweep --csv trace.moe.lz4 > sweep.csv
        moecast simulate sweep --shape kimi-k2 --batch 4096 trace.moe.lz4

      Ratios are to Base of the same system, model and batch. Models other than the trace's run on \
      its requests scaled to their shape, and say so. With --activations the paper's strategies \
      alone are run: the staging engine moves weights alone.

      \(systemsHelp)
      """)

  /// What is combined: every system with every model and batch size.
  struct Configurations: ParsableArguments {
    @Option(help: ArgumentHelp("Systems, with commas.", valueName: "names"))
    var wafer = "dojo,sow"

    @Option(help: ArgumentHelp("Override of a system's key; repeatable.", valueName: "key=value"))
    var set: [String] = []

    @Option(help: ArgumentHelp("Model shapes, with commas.", valueName: "names"))
    var shape = PaperComparison.models.joined(separator: ",")

    @Option(
      help: ArgumentHelp(
        """
        Weights of the experts; default: those in which a model is published, bf16 for others.
        """, valueName: "format"))
    var weights: WeightFormat?

    @Option(
      name: .customLong("forecast"),
      help: ArgumentHelp(
        """
        Forecasts of the staging engine, with commas: \(names(ForecastChoice.self)). The mixture \
        is left out where requests are scaled.
        """, valueName: "names"))
    var forecasts = "persistence,heatmap,mixture"

    @Option(
      help: ArgumentHelp(
        "Token heatmap: online, counted as the batches go by, or in-sample, of the very tokens.",
        valueName: "source"))
    var heatmap = SweepHeatmap.online

    @Option(help: ArgumentHelp("Batch sizes, with commas.", valueName: "sizes"))
    var batch = "4096,8192,16384"

    @Option(help: "Steps, each of which gives every request of the batch a token; default: 16.")
    var steps: Int?

    @Option(
      help: ArgumentHelp(
        "Steps at the beginning that make copies but are not counted; default: half, at most 8.",
        valueName: "steps"))
    var warmSteps: Int?

    @Option(
      help: ArgumentHelp(
        "Round trip to a host that plans in the wafer's place.", valueName: "seconds"))
    var hostRoundTripSeconds = HostAllocation().roundTripSeconds

    func validate() throws {
      _ = try batchSizes(batch)
      _ = try shapes()
      _ = try forecastChoices(forecasts)
      guard hostRoundTripSeconds >= 0, hostRoundTripSeconds.isFinite else {
        throw ValidationError("--host-round-trip-seconds is at least 0")
      }
    }

    /// The models asked for.
    func shapes() throws -> [ModelShape] {
      try commaSeparated(shape, "--shape", "known models") { $0 }.map(modelShape)
    }
  }

  @OptionGroup var tokens: TokenOptions

  @OptionGroup(title: "Configurations") var configurations: Configurations

  @OptionGroup(title: "Open choices of the paper") var choices: SimulationChoices

  @OptionGroup(title: "What lies beside the experts") var activations: ActivationChoices

  @OptionGroup(title: "Staging engine") var staging: StagingChoices

  @OptionGroup var workers: WorkerOptions

  @OptionGroup var printing: ReportOptions

  private func steps() throws -> StepCounts {
    try choices.steps(configurations.steps, warm: configurations.warmSteps, usual: (16, nil))
  }

  func validate() throws { _ = try steps() }

  func run(printing output: inout StandardOutput) throws {
    let systems = try systems(
      configurations.wafer, overrides: choices.overrides(configurations.set))
    let pool = try tokens.readPool()
    let (shapes, format) = (
      try configurations.shapes(), configurations.weights ?? choices.paper?.format
    )
    let workloads = try orderedResults(
      of: Array(shapes.indices), workers: workers.threads
    ) { index in Result { try pool.workload(as: shapes[index], format) } }
    var sweep = Sweep(
      systems: systems.map(\.hardware), workloads: try workloads.map { try $0.get() })
    let steps = try steps()
    sweep.batches = try batchSizes(configurations.batch)
    (sweep.steps, sweep.warmSteps) = (steps.all, steps.warm)
    sweep.options = choices.options
    sweep.staging = staging.options(choices)
    sweep.heatmapIsInSample = configurations.heatmap == .inSample
    sweep.options.activations = activations.options
    // The staging engine moves weights alone, so it has no place beside strategies that do more.
    sweep.forecasts =
      activations.isGiven ? [] : try forecastChoices(configurations.forecasts)
    sweep.host.roundTripSeconds = configurations.hostRoundTripSeconds
    let bar = Mutex(ProgressBar(total: sweep.count, unit: "runs"))
    var rows = try sweep.run(workers: workers.threads) { done in
      bar.withLock { $0.update(done) }
    }.map { SimulatedRun($0, of: systems) }
    bar.withLock { $0.clear() }
    for index in rows.indices { rows[index].source = source(of: rows[index]) }
    SimulatedRun.addRatios(to: &rows)
    try printing.print(Report(SimulatedRun.sweepColumns, rows), to: &output)
  }

  /// Where what a row's forecast or strategy has learnt comes from.
  private func source(of row: SimulatedRun) -> String? {
    let choice = row.forecast.flatMap { ForecastChoice(rawValue: $0) }
    if choice?.usesMixture ?? false { return "fresh" }
    let predicts = Strategy(rawValue: row.strategy)?.predicts ?? false
    return predicts || choice?.usesHeatmap ?? false ? configurations.heatmap.rawValue : nil
  }

}

/// Where a sweep's token heatmap comes from.
enum SweepHeatmap: String, CaseIterable, ExpressibleByArgument {
  case online
  case inSample = "in-sample"
}
