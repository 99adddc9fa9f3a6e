import Demand
import Testing
import Wafer
import WaferSamples

@testable import Staging

struct NotedForecastTests {
  /// A run by what was noted is the run by the forecast itself, held back or not.
  @Test(arguments: [ForecastChoice.persistence, .heatmap, .mixture, .oracle], [true, false])
  func stagesAsTheForecastItself(choice: ForecastChoice, holdsBack: Bool) throws {
    let pool = try Samples.pool()
    let schedule = BatchSchedule(pool, size: 6, steps: 12)
    var simulation = StagingSimulation(
      hardware: try #require(try Hardware.shipped("sow")), model: Samples.model)
    simulation.options.holdsBack = holdsBack
    simulation.options.horizon = 2
    let sources = ForecastSources(mixture: try MixtureTables(pool, horizon: 2))
    let forecast = try sources.forecast(choice, schedule)
    let noted = NotedForecast(forecast, pool, schedule, horizon: 2)
    #expect(noted.name == forecast.name && noted.certainty == forecast.certainty)
    let own = try simulation.run(pool, schedule: schedule, forecast: forecast, warmSteps: 4)
    let ofNotes = try simulation.run(pool, schedule: schedule, forecast: noted, warmSteps: 4)
    #expect(own == ofNotes && (holdsBack || own.staging.bytesMoved > 0))
    // Beside one that is asked as it goes, nothing changes.
    let both = try simulation.run(
      pool, schedule: schedule, forecasts: [noted, forecast], warmSteps: 4)
    #expect(both == [own, own])
  }
}
