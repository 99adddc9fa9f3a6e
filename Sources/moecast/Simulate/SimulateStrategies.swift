import ArgumentParser
import Demand
import RoutingTrace
import Staging
import Wafer

/// `moecast simulate strategies`: the paper's case study 1, one line a configuration.
struct SimulateStrategies: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "strategies",
    abstract: "Times MoE layers under each strategy.",
    discussion: """
      Example:
        moecast simulate --wafer dojo,sow --shape llama-4-maverick \\
          --strategy base,ep,allo,pred,allo+pred --batch 4096,16384 trace.moe.lz4
        moecast simulate --wafer pcie-1 --batch 4 --steps 24 --strategy base,staged \\
          --forecast none,heatmap,mixture trace.moe.lz4
        moecast simulate --wafer pcie-1 --batch 4 --steps 24 --strategy staged \\
          --forecast forecasts.jsonl trace.moe.lz4

      Fills batches with the traces' tokens, gives every layer's experts to dies by each strategy, \
      and times the reading and computing of their weights. hops, reads and copies are means a \
      layer.

      A file that staging forecasts by has lines of moecast forecast, or the same from another \
      predictor: request, token, layer, experts, and if it likes horizon (0 for the next token's, \
      else layers ahead; 1) and chances that add up to 1 (without them all experts are alike). \
      Files of several horizons are joined by cat. For events without a line nothing is staged. A \
      NumPy archive may instead have an array forecast[step][layer][expert] of the requests that \
      every expert will get in the run's steps, warm ones included.

      \(systemsHelp)
      """)

  /// The strategy that is run by the staging engine.
  static let staged = "staged"

  /// What is combined: every system with every batch size and every strategy.
  struct Configurations: ParsableArguments {
    @Option(
      help: ArgumentHelp("Systems, with commas.", valueName: "names"),
      completion: .list(Hardware.shippedNames))
    var wafer = "dojo"

    @OptionGroup var model: ModelOnSystems

    @Option(
      help: ArgumentHelp(
        "Strategies with commas: \(names(Strategy.self)), staged (the staging engine).",
        valueName: "names"))
    var strategy = "base,ep,allo,pred,allo+pred"

    @Option(help: ArgumentHelp("Batch sizes, with commas.", valueName: "sizes"))
    var batch = "4096"

    @Option(help: "Steps, each of which gives every request of the batch a token; default: 2.")
    var steps: Int?

    @Option(
      help: ArgumentHelp(
        "Steps at the beginning that make copies but are not counted; default: 0.",
        valueName: "steps"))
    var warmSteps: Int?

    @Option(
      help: ArgumentHelp("MoE layers simulated; default: all of the trace.", valueName: "count"))
    var layers: Int?

    func validate() throws {
      _ = try strategies()
      _ = try batchSizes(batch)
    }

    /// How many configurations are run.
    func count(forecasts: Int) throws -> Int {
      let runs = try strategies().reduce(0) { sum, name in
        sum + (name == SimulateStrategies.staged ? forecasts : 1)
      }
      return try runs * batchSizes(batch).count * wafer.split(separator: ",").count
    }

    /// The names of the strategies asked for.
    func strategies() throws -> [String] {
      let known = Strategy.allCases.map(\.rawValue) + [SimulateStrategies.staged]
      return try commaSeparated(strategy, "--strategy", known.joined(separator: ", ")) { name in
        known.first { $0 == name }
      }
    }
  }

  @OptionGroup var tokens: TokenOptions

  @OptionGroup(title: "Configurations") var configurations: Configurations

  @OptionGroup(title: "Batches") var filling: BatchingChoice

  @OptionGroup(title: "Open choices of the paper") var choices: SimulationChoices

  @OptionGroup(title: "What lies beside the experts") var activations: ActivationChoices

  @OptionGroup(title: "What lies beside the experts") var gap: GapChoice

  @OptionGroup(title: "Engine") var engine: EngineChoice

  @OptionGroup(title: "What is known beforehand") var heatmap: HeatmapChoice

  @OptionGroup(title: "What is known beforehand") var trained: TrainedModelChoice

  @OptionGroup(title: "Staging engine (strategy staged)") var forecasts: StagingForecasts

  @OptionGroup(title: "Staging engine (strategy staged)") var staging: StagingChoices

  @OptionGroup(title: "Files of one configuration") var files: ResourceFiles

  @OptionGroup var workers: WorkerOptions

  @OptionGroup var printing: ReportOptions

  /// The steps asked for.
  func steps() throws -> StepCounts {
    try choices.steps(configurations.steps, warm: configurations.warmSteps, usual: (2, 0))
  }

  func validate() throws {
    _ = try steps()
    let isStaged = try configurations.strategies().contains(Self.staged)
    try refuse(
      forecasts.given + staging.given, unless: isStaged, "it is for the strategy staged")
    if isStaged {
      try staging.checkHorizon(try stagedForecasts().map { ($0.name, $0.layersAhead) })
    }
    try heatmap.check(isUsed: try usesHeatmap(), stage: tokens.stage)
    try trained.check(forecasts: try stagedForecasts())
    try filling.check(
      stage: tokens.stage, forecasts: try stagedForecasts())
    try refuse(
      [("--activations", activations.isGiven)], unless: engine.choice == .bound && !isStaged,
      "the event engine and the staging engine move weights alone")
    try refuse(
      [("--gap-seconds", staging.gapSeconds != nil)], unless: gap.gap == nil,
      "--gap model says what lies between layers")
    try files.check(
      configurations: try configurations.count(forecasts: stagedForecasts().count), engine.choice,
      isStaged: isStaged)
  }

  func run(printing output: inout StandardOutput) throws {
    let systems = try systems(
      configurations.wafer, overrides: choices.overrides(configurations.model.overrides.set),
      strict: configurations.model.overrides.strict)
    let runs = try StrategyRuns(self)
    let interruption = Interruption()
    var rows: [SimulatedRun] = []
    for system in systems {
      for batch in try batchSizes(configurations.batch) {
        for seed in try filling.seeds() {
          for strategy in try configurations.strategies() where !interruption.isRequested {
            rows += try runs.run(strategy, system, batch: batch, seed: seed)
          }
        }
      }
    }
    if files.isGiven, let run = rows.first {
      try files.write(
        run, "\(run.wafer), \(run.shape), \(run.strategy), batch \(run.batch)",
        inputs: tokens.traces)
    }
    SimulatedRun.addRatios(to: &rows)
    try printing.print(
      Report(SimulatedRun.strategyColumns, rows), to: &output,
      table: SimulatedRun.strategyTables(rows))
    try interruption.check(results: rows.count)
  }

  /// What the staging engine stages by; nothing where it does not run.
  func stagedForecasts() throws -> [ForecastSource] {
    try configurations.strategies().contains(Self.staged) ? try forecasts.chosen() : []
  }

  /// Whether anything in the run is made from a token heatmap.
  func usesHeatmap() throws -> Bool {
    let strategies = try configurations.strategies()
    let isPredicted = strategies.contains { Strategy(rawValue: $0)?.predicts ?? false }
    return try isPredicted
      || stagedForecasts().contains { $0.choice?.usesHeatmap ?? false }
  }
}
