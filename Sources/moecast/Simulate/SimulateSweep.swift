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
        moecast simulate sweep --resume sweep.kept --csv trace.moe.lz4 > sweep.csv

      Rows are printed as models are done; Ctrl-C prints those that are there, and with --resume \
      the same command goes on from them.

      Ratios are to Base of the same system, model and batch. Models other than the trace's run on \
      its requests scaled to their shape, and say so. With --activations the paper's strategies \
      alone are run: the staging engine moves weights alone.

      \(systemsHelp)
      """)

  /// What is combined: every system with every model and batch size.
  struct Configurations: ParsableArguments {
    @Option(
      help: ArgumentHelp("Systems, with commas.", valueName: "names"),
      completion: .list(Hardware.shippedNames))
    var wafer = "dojo,sow"

    @OptionGroup var overrides: SystemOverrides

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
        is left out where requests are scaled; default: \
        persistence, heatmap, mixture.
        """, valueName: "names"))
    var forecasts: String?

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
        "Round trip to a host that plans in the wafer's place.", valueName: "seconds"),
      transform: takingSeconds)
    var hostRoundTripSeconds = HostAllocation().roundTripSeconds

    func validate() throws {
      _ = try batchSizes(batch)
      _ = try shapes()
      _ = try forecastChoices()
      guard hostRoundTripSeconds >= 0, hostRoundTripSeconds.isFinite else {
        throw ValidationError("--host-round-trip-seconds is at least 0")
      }
    }

    /// What the staging engine stages by.
    func forecastChoices() throws -> [ForecastChoice] {
      try moecast.forecastChoices(forecasts ?? "persistence,heatmap,mixture")
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

  @Option(
    help: ArgumentHelp(
      """
      Keep results in this file as they come, and go on from those that it has of the same run.
      """, valueName: "file"))
  var resume: String?

  @OptionGroup var workers: WorkerOptions

  @OptionGroup var printing: ReportOptions

  private func steps() throws -> StepCounts {
    try choices.steps(configurations.steps, warm: configurations.warmSteps, usual: (16, nil))
  }

  func validate() throws {
    _ = try steps()
    try refuse(
      [("--forecast", configurations.forecasts != nil)] + staging.given,
      unless: !activations.isGiven,
      "with --activations nothing is staged: the staging engine moves weights alone")
    let choices = try configurations.forecastChoices()
    try staging.checkHorizon(choices.map { ($0.rawValue, ForecastSource.own($0).layersAhead) })
  }

  func run(printing output: inout StandardOutput) throws {
    let systems = try moecast.systems(
      configurations.wafer, overrides: choices.overrides(configurations.overrides.set),
      strict: configurations.overrides.strict)
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
      activations.isGiven ? [] : try configurations.forecastChoices()
    sweep.host.roundTripSeconds = configurations.hostRoundTripSeconds
    let kept = try resume.map { path in
      try KeptResults<Sweep.Row>(path, of: "simulate sweep", fingerprint: fingerprint(sweep))
    }
    try run(sweep, on: systems, kept, printing: &output)
  }

  /// Runs the sweep model by model, and prints each model's rows once they are there.
  private func run(
    _ sweep: Sweep, on systems: [SystemDescription], _ kept: KeptResults<Sweep.Row>?,
    printing output: inout StandardOutput
  ) throws {
    let interruption = Interruption()
    let bar = Mutex((bar: ProgressBar(total: sweep.count, unit: "runs"), done: 0))
    var table = StreamedReport(SimulatedRun.sweepColumns, printing)
    for workload in sweep.workloads where !interruption.isRequested {
      var own = sweep
      own.workloads = [workload]
      let isKept = Set(kept?.earlier ?? [])
      var rows = try own.run(
        workers: workers.threads, earlier: kept?.earlier ?? [],
        isStopped: { interruption.isRequested }
      ) { rows in
        let new = rows.filter { !isKept.contains($0) }
        if !new.isEmpty { kept?.add(new) }
        bar.withLock { bar in
          bar.done += rows.count
          bar.bar.remark = rows.last.map { Self.words($0, of: systems) } ?? ""
          bar.bar.update(bar.done)
        }
      }.map { SimulatedRun($0, of: systems) }
      bar.withLock { $0.bar.clear() }
      for index in rows.indices { rows[index].source = source(of: rows[index]) }
      SimulatedRun.addRatios(to: &rows)
      try table.add(rows, printing: &output)
    }
    try table.finish(printing: &output)
    try kept?.finish()
    try interruption.check(
      "after \(grouped(table.rows)) of \(counted(sweep.count, "run")); "
        + (resume.map { "the same with --resume \($0) goes on from there" }
          ?? "--resume FILE would have kept them"))
  }

  /// A result in a few words, for the bar.
  private static func words(_ row: Sweep.Row, of systems: [SystemDescription]) -> String {
    "\(systems[row.system].hardware.name), \(row.model), \(row.strategy)"
      + (row.forecast.map { " \($0.rawValue)" } ?? "")
      + ", \(row.batch): \(decimals(row.layerSeconds * 1e6, 1)) us/layer"
  }

  /// Everything that decides a sweep's results.
  private func fingerprint(_ sweep: Sweep) -> String {
    let workloads = sweep.workloads.map {
      "\($0.model) \($0.format) \($0.origin) \($0.pool.digest)"
    }
    return "\(sweep.systems) \(workloads) \(sweep.batches) \(sweep.steps) \(sweep.warmSteps) "
      + "\(sweep.options) \(sweep.staging) \(sweep.forecasts) \(sweep.heatmapIsInSample) "
      + "\(sweep.host)"
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
