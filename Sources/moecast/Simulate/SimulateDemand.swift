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
      compares the experts and requests forecast with those that came. In brackets stands what a \
      figure would be, on average, were the forecast right.
      """)

  @OptionGroup var tokens: TokenOptions

  @Option(
    name: .customLong("forecast"),
    help: ArgumentHelp(
      "Forecasts, with commas: \(names(ForecastChoice.self)).", valueName: "names"))
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
    let forecasts = try forecastChoices(forecasts)
    _ = try batchSizes(batch)
    _ = try StepCounts(steps, warm: warmSteps)
    guard steps > 1 else {
      throw ValidationError("demand holds every step against the one before; give 2 --steps")
    }
    try refuse(
      [("--model", model != nil)], unless: forecasts.contains(where: \.usesHeatmap),
      "no forecast uses a token heatmap")
    try filling.check(stage: tokens.stage, forecasts: forecasts)
  }

  func run(printing output: inout StandardOutput) throws {
    let pool = try tokens.readPool()
    let questions = try forecastChoices(forecasts).flatMap(DemandQuestion.all)
    let sources = ForecastSources(
      transitions: questions.contains(where: \.forecast.usesHeatmap)
        ? try tokenHeatmap(pool, model: model) : nil,
      mixture: try questions.filter { $0.forecast == .mixture }.map(\.layersAhead).max().map {
        try MixtureTables(pool, horizon: $0, workers: workers.threads)
      })
    let steps = try StepCounts(steps, warm: warmSteps)
    var rows: [ForecastDemand] = []
    for batch in try batchSizes(batch) {
      let study = DemandStudy(
        pool,
        schedule: BatchSchedule(pool, size: batch, steps: steps.all, policy: filling.policy),
        warmSteps: steps.warm)
      let reports = try study.run(questions, sources, workers: workers.threads)
      rows += zip(questions, reports).map { question, report in
        ForecastDemand(
          question: question, batch: batch, distinctTokens: study.distinctTokens, report: report)
      }
    }
    try printing.print(Report(ForecastDemand.columns, rows), to: &output)
  }
}
