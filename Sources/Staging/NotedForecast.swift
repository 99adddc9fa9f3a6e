import Demand

/// All that a forecast says of a schedule, noted once for every system: a forecast sees only what was
/// routed, which does not depend on where weights lie.
///
/// It tells loads; a need is made from them as of any forecast of loads.
struct NotedForecast: DemandForecast, Sendable {
  let name: String
  let certainty: ForecastCertainty
  /// A row a layer of a step.
  private let expectations: [LayerExpectation]
  private let layers: Int
  private var step = 0

  /// Runs a forecast over the schedule.
  ///
  /// - Parameters:
  ///   - pool: What the schedule was made from.
  ///   - horizon: Layers ahead that will be asked for, at most.
  /// - Complexity: that of the forecast; `steps * layers * experts * (1 + horizon)` numbers.
  init(
    _ forecast: any DemandForecast, _ pool: RequestPool, _ schedule: BatchSchedule, horizon: Int
  ) {
    (name, certainty, layers) = (forecast.name, forecast.certainty, schedule.layers)
    var forecast = forecast
    var expectations: [LayerExpectation] = []
    expectations.reserveCapacity(schedule.steps * layers)
    for (step, tokens) in schedule.tokens.enumerated() {
      for layer in 0..<layers {
        forecast.observe(
          step: step, layer: layer, chosen: pool.chosen(by: tokens, layer: layer))
        expectations.append(
          LayerExpectation(forecast, layer: layer, horizon: horizon, layers: layers))
      }
    }
    self.expectations = expectations
  }

  mutating func observe(step: Int, layer: Int, chosen: [UInt16]) { self.step = step }

  func nextStep(layer: Int) -> [Double] { expectations[step * layers + layer].nextStep }

  func laterLayer(_ layer: Int, observed: Int) -> [Double] {
    expectations[step * layers + observed].laterLayers[layer - observed - 1]
  }
}
