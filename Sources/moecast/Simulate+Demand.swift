import Demand

extension Simulate {
  /// What `--demand` asks: all of every forecast given, or of those that know something.
  func demandQuestions() throws -> [DemandQuestion] {
    let forecasts =
      staging.forecasts == nil
      ? [.frequency, .persistence, .heatmap, .mixture] : try staging.chosen()
    return forecasts.flatMap(DemandQuestion.all)
  }

  /// Runs and prints `--demand`.
  func runDemand(_ pool: RequestPool, printing output: inout StandardOutput) throws {
    let questions = try demandQuestions()
    let sources = ForecastSources(
      transitions: questions.contains(where: \.forecast.usesHeatmap)
        ? try transitions(pool) : nil,
      mixture: try questions.filter { $0.forecast == .mixture }.map(\.layersAhead).max().map {
        try MixtureTables(pool, horizon: $0, workers: workers.threads)
      })
    var table = DemandTable()
    for batch in try batches() {
      let study = DemandStudy(
        pool,
        schedule: BatchSchedule(
          pool, size: batch, steps: countedSteps.all, policy: filling.policy),
        warmSteps: countedSteps.warm)
      let reports = try study.run(questions, sources, workers: workers.threads)
      for (question, report) in zip(questions, reports) {
        table.add(question, batch: batch, distinctTokens: study.distinctTokens, report)
      }
    }
    try output.report(asJSON, table.lines, table.table)
  }
}
