import RoutingTrace

/// How well forecasts tell what the batches of a schedule ask of every layer's experts.
///
/// ```swift
/// let study = DemandStudy(pool, schedule: BatchSchedule(pool, size: 64, steps: 32), warmSteps: 8)
/// let reports = try study.run([DemandQuestion(.frequency)], ForecastSources())
/// print(reports[0].loadError)
/// ```
///
/// Step by step and layer by layer each forecast sees what the batch chose. What it expected is
/// then held against that: of the next step right after the same layer of this one, or of a later
/// layer of this step, so many layers ahead. The first layers of a step, which have nothing that
/// far before them in their own step, are expected as after the step before. The first step is
/// never scored.
public struct DemandStudy: Sendable {
  private let pool: RequestPool
  /// What the batches ask for.
  public let schedule: BatchSchedule
  private let warmSteps: Int

  /// - Parameters:
  ///   - schedule: Made from `pool`.
  ///   - warmSteps: Steps at the beginning that forecasts see and that are not scored; at least 1.
  public init(_ pool: RequestPool, schedule: BatchSchedule, warmSteps: Int = 1) {
    self.pool = pool
    self.schedule = schedule
    self.warmSteps = max(1, warmSteps)
  }

  /// Distinct tokens in a scored batch, on average; the other slots replay one of them.
  public var distinctTokens: Double {
    let scored = schedule.distinct.dropFirst(warmSteps)
    return Double(scored.reduce(0) { $0 + $1.tokens.count }) / Double(max(scored.count, 1))
  }

  /// Asks all the questions.
  ///
  /// - Parameter workers: Threads; the reports do not depend on it.
  /// - Throws: ``SimulationError`` where a forecast's source is missing.
  public func run(
    _ questions: [DemandQuestion], _ sources: ForecastSources, workers: Int = 1
  ) throws(SimulationError) -> [DemandReport] {
    try run(layersAhead: questions.map(\.layersAhead), workers: workers) {
      (question) throws(SimulationError) in
      try sources.forecast(questions[question].forecast, schedule)
    }
  }

  /// Scores forecasts, so many layers ahead each.
  ///
  /// - Parameters:
  ///   - layersAhead: By forecast: MoE layers between what is known and what is forecast; 0 for the
  ///     same layer of the next step.
  ///   - workers: Threads; the reports do not depend on it.
  ///   - forecast: A fresh one, by its index.
  /// - Throws: What `forecast` throws.
  public func run(
    layersAhead: [Int], workers: Int = 1,
    _ forecast: @Sendable (Int) throws(SimulationError) -> any DemandForecast
  ) throws(SimulationError) -> [DemandReport] {
    try orderedResults(of: Array(layersAhead.indices), workers: workers) {
      (index) throws(SimulationError) -> DemandReport in
      run(layersAhead: layersAhead[index], try forecast(index))
    }
  }

  /// Scores one forecast, a fresh one.
  ///
  /// - Parameter layersAhead: MoE layers between what is known and what is forecast; 0 for the same
  ///   layer
  ///   of the next step.
  /// - Returns: What came of all layers of the scored steps.
  public func run(layersAhead: Int, _ forecast: any DemandForecast) -> DemandReport {
    var forecast = forecast
    var report = DemandReport()
    let layers = pool.shape.layers
    var expected = [ExpertDemand?](repeating: nil, count: layers)
    for step in 0..<schedule.steps {
      for layer in 0..<layers {
        if step >= warmSteps, let demand = expected[layer] {
          report.score(demand, against: schedule.counts(step: step, layer: layer))
        }
        forecast.observe(
          step: step, layer: layer, chosen: pool.chosen(by: schedule.tokens[step], layer: layer))
        if layersAhead == 0 || layer < layersAhead {
          if step + 1 < schedule.steps {
            expected[layer] = forecast.nextStepDemand(
              layer: layer, slots: schedule.distinct[step + 1].slots)
          }
        }
        if layersAhead > 0, layer + layersAhead < layers {
          expected[layer + layersAhead] = forecast.laterLayerDemand(
            layer + layersAhead, observed: layer, slots: schedule.distinct[step].slots)
        }
      }
    }
    return report
  }
}
