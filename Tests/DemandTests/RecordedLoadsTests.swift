import Demand
import Testing

struct RecordedLoadsTests {
  private func loads(_ values: [Float]) throws(ForecastFault) -> RecordedLoads {
    try RecordedLoads(steps: 2, layers: 2, experts: 3, values: values)
  }

  /// The next step is the run's next one, a later layer of this step; nothing is expected beyond.
  @Test func stepsAreTheRuns() throws {
    var forecast = try loads((0..<12).map { Float($0) }).forecast("mine")
    #expect(forecast.name == "mine")
    forecast.observe(step: 0, layer: 0, chosen: [])
    #expect(forecast.nextStep(layer: 0) == [6, 7, 8])
    #expect(forecast.laterLayer(1, observed: 0) == [3, 4, 5])
    forecast.observe(step: 1, layer: 0, chosen: [])
    #expect(forecast.laterLayer(1, observed: 0) == [9, 10, 11])
    #expect(forecast.nextStep(layer: 1) == [0, 0, 0])
  }

  @Test(arguments: [Float.nan, .infinity, -1])
  func onlyRequestsAreExpected(value: Float) {
    let error = #expect(throws: ForecastFault.self) {
      try loads(Array(repeating: 1, count: 7) + [value, 1, 1, 1, 1])
    }
    #expect(error?.problem.hasPrefix("expert 1 of layer 0 in step 1 is expected to get") ?? false)
  }

  @Test func otherModelsAreRefused() throws {
    #expect(throws: ForecastFault.self) { try loads([1]) }
    let all = try self.loads(Array(repeating: 1, count: 12))
    #expect(throws: Never.self) { try all.check(layers: 2, experts: 3) }
    #expect(throws: ForecastFault.self) { try all.check(layers: 3, experts: 3) }
    #expect(throws: ForecastFault.self) { try all.check(layers: 2, experts: 4) }
  }
}
