import Demand
import Wafer

/// One forecast at work: the run that it stages for, and where it is held back the trial beside it.
struct ForecastRun {
  private var forecast: any DemandForecast
  private(set) var run: StagingRun
  private var trial: StagingTrial?
  private let horizon: Int

  init(_ setup: StagingSimulation, _ schedule: BatchSchedule, _ forecast: any DemandForecast) {
    self.forecast = forecast
    horizon = setup.options.horizon
    run = StagingRun(setup, schedule: schedule, certainty: forecast.certainty)
    trial =
      setup.options.holdsBack && forecast.certainty == .estimate ? StagingTrial(run) : nil
  }

  /// What the forecast need not be shown, as it has noted all that it says.
  var hasNoted: Bool { forecast is NotedForecast }

  /// Runs one layer.
  ///
  /// - Parameters:
  ///   - counts: Requests of every expert.
  ///   - chosen: The experts of every slot.
  ///   - baseline: The same layer of the same engine without forecasts; nil where nothing is held
  ///     back.
  ///   - plans: Made in this turn, by this run and those beside it.
  mutating func layer(
    step: Int, layer: Int, counts: [Int], chosen: [UInt16], beside baseline: BaselineLayer?,
    sharing plans: inout PlanBook
  ) -> LayerResult {
    forecast.observe(step: step, layer: layer, chosen: chosen)
    let expected = LayerExpectation(
      forecast, layer: layer, horizon: horizon, layers: run.schedule.layers)
    let lead = trial?.lead ?? 0
    if let baseline {
      trial?.layer(
        step: step, layer: layer, counts: counts, expecting: expected, beside: baseline,
        sharing: &plans)
    }
    return run.layer(
      step: step, layer: layer, counts: counts, expecting: expected, beside: baseline, lead: lead,
      sharing: &plans)
  }

  /// The steps that count begin.
  mutating func beginCounting() { run.accounts.beginCounting() }

  /// How each read was met, where that is noted.
  var reads: [StagedRead] { run.accounts.reads ?? [] }

  /// Counts what is left at the end.
  mutating func close() -> StagingReport {
    run.close()
    return run.accounts.report
  }
}
