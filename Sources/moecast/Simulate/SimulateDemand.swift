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
        moecast simulate demand --forecast heatmap --model model.h5 trace.moe.lz4

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
  var forecasts = "frequency,persistence,heatmap,mixture"

  @Option(help: ArgumentHelp("Batch sizes, with commas.", valueName: "sizes"))
  var batch = "4096"

  @Option(help: "Steps, each of which gives every request of the batch a token.")
  var steps = 32

  @Option(
    help: ArgumentHelp(
      "Steps at the beginning that are learnt but not counted; default: half, at most 8.",
      valueName: "steps"))
  var warmSteps: Int?

  @Option(
    help: ArgumentHelp(
      "Model (*.h5) whose token heatmap is used; default: the traces' own tokens.",
      valueName: "file"))
  var model: String?

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
    try refuse(
      [("--model", model != nil)], unless: forecasts.contains { $0.choice?.usesHeatmap ?? false },
      "no forecast uses a token heatmap")
    try filling.check(stage: tokens.stage, forecasts: forecasts)
  }

  func run(printing output: inout StandardOutput) throws {
    let forecasts = try ForecastSource.list(forecasts)
    var positions = forecasts.contains { $0.path != nil } ? tokens.noPositions : nil
    let pool = try tokens.readPool(noting: &positions)
    let map = positions?.map()
    let questions = forecasts.compactMap(\.choice).flatMap(DemandQuestion.all)
    let sources = ForecastSources(
      transitions: questions.contains(where: \.forecast.usesHeatmap)
        ? try tokenHeatmap(pool, model: model) : nil,
      mixture: try questions.filter { $0.forecast == .mixture }.map(\.layersAhead).max().map {
        try MixtureTables(pool, horizon: $0, workers: workers.threads)
      })
    let recorded = try forecasts.compactMap(\.path).compactMap { path in
      try map.map { (path, try RecordedChances(file: path, pool, $0)) }
    }
    let steps = try StepCounts(steps, warm: warmSteps)
    var rows: [ForecastDemand] = []
    for batch in try batchSizes(batch) {
      let study = DemandStudy(
        pool,
        schedule: BatchSchedule(pool, size: batch, steps: steps.all, policy: filling.policy),
        warmSteps: steps.warm)
      let reports = try study.run(questions, sources, workers: workers.threads)
      func row(_ forecast: String, _ layersAhead: Int, _ report: DemandReport) -> ForecastDemand {
        ForecastDemand(
          forecast: forecast, layersAhead: layersAhead, batch: batch,
          distinctTokens: study.distinctTokens, report: report)
      }
      rows += zip(questions, reports).map { row($0.forecast.rawValue, $0.layersAhead, $1) }
      for (path, chances) in recorded {
        rows += chances.horizons.map { ahead in
          row(path, ahead, study.run(layersAhead: ahead, chances.forecast(path, study.schedule)))
        }
      }
    }
    try printing.print(Report(ForecastDemand.columns, rows), to: &output)
  }
}
