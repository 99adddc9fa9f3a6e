import ArgumentParser
import Demand

/// `moecast simulate demand`: what forecasts expect of a batch against what it asks for.
struct SimulateDemand: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "demand",
    abstract: "Holds what forecasts expect of batches against what they ask for.",
    discussion: """
      Example:
        moecast simulate demand --batch 4,64,1024 trace.moe.lz4
        moecast simulate demand --forecast heatmap --heatmap model.h5 trace.moe.lz4

      Fills batches as the simulator does, walks them step by step and layer by layer, and \
      compares the experts and requests forecast with those that came. A file of forecasts is as \
      simulate strategies --help says; each of its horizons has a line. In brackets stands what a \
      figure would be, on average, were the forecast right.
      """)

  @OptionGroup var tokens: TokenOptions

  @Option(
    name: .customLong("forecast"),
    help: ArgumentHelp(
      "Forecasts, with commas: \(ForecastSource.known) of these very traces.", valueName: "names"))
  var forecasts = "frequency,persistence,heatmap,mixture,blend"

  @Option(help: ArgumentHelp("Batch sizes, with commas.", valueName: "sizes"))
  var batch = "4096"

  @Option(help: "Steps, each of which gives every request of the batch a token.")
  var steps = 32

  @Option(
    help: ArgumentHelp(
      "Steps at the beginning that are learnt but not counted; default: half, at most 8.",
      valueName: "steps"))
  var warmSteps: Int?

  @OptionGroup(title: "What is known beforehand") var heatmap: HeatmapChoice

  @OptionGroup(title: "What is known beforehand") var trained: TrainedModelChoice

  @OptionGroup(title: "Batches") var filling: BatchingChoice

  @OptionGroup var workers: WorkerOptions

  @OptionGroup var printing: ReportOptions

  func validate() throws {
    let forecasts = try ForecastSource.list(forecasts)
    _ = try batchSizes(batch)
    _ = try StepCounts(steps, warm: warmSteps)
    guard steps > 1 else {
      throw ValidationError("demand holds every step against the one before; give 2 --steps")
    }
    try heatmap.check(isUsed: usesHeatmap(forecasts), stage: tokens.stage)
    try trained.check(forecasts: forecasts)
    try filling.check(stage: tokens.stage, forecasts: forecasts)
  }

  private func usesHeatmap(_ forecasts: [ForecastSource]) -> Bool {
    forecasts.contains { $0.choice?.usesHeatmap ?? false }
  }

  func run(printing output: inout StandardOutput) throws {
    let forecasts = try ForecastSource.list(forecasts)
    let materials = try ForecastMaterials(
      tokens, forecasts, usesHeatmap: usesHeatmap(forecasts), heatmap, trained,
      horizon: MixtureTables.longestHorizon, workers: workers.threads)
    let pool = materials.pool
    guard pool.requests > 0 else {
      throw SimulationError("the traces hold no \(tokens.stage) tokens; nothing fills a batch")
    }
    // What each line of the report asks.
    let questions = forecasts.flatMap { source in
      let own = source.choice.map { DemandQuestion.all(of: $0).map(\.layersAhead) } ?? []
      return (materials.horizons(of: source) ?? own).map { (source: source, ahead: $0) }
    }
    let steps = try StepCounts(steps, warm: warmSteps)
    let interruption = Interruption()
    var rows: [ForecastDemand] = []
    for batch in try batchSizes(batch) {
      for seed in try filling.seeds() where !interruption.isRequested {
        let study = DemandStudy(
          pool,
          schedule: BatchSchedule(
            pool, size: batch, steps: steps.all, policy: filling.policy(seed: seed)),
          warmSteps: steps.warm)
        let reports = try study.run(
          layersAhead: questions.map(\.ahead), workers: workers.threads
        ) { (question) throws(SimulationError) in
          try materials.forecast(questions[question].source, study.schedule)
        }
        let used = study.schedule.requests(of: pool, from: steps.warm)
        rows += zip(questions, reports).map { question, report in
          ForecastDemand(
            forecast: question.source.name, source: materials.label(of: question.source),
            layersAhead: question.ahead, batch: batch, seed: filling.draws ? seed : nil,
            distinctTokens: study.distinctTokens,
            poolRequests: pool.requests, poolRequestsUsed: used, report: report)
        }
      }
    }
    try printing.print(Report(ForecastDemand.columns, rows), to: &output)
    try interruption.check(results: rows.count)
  }
}
