import Demand

/// What a forecast expects some layers ahead of the one that is routed now, step after step.
///
/// Where the layers of a step end, those of the next one follow: what was expected of them when the
/// same layer was routed last, if the forecast tells of next tokens at all.
struct StrideForecast {
  private var forecast: any DemandForecast
  private let stride: Int
  private let layers: Int
  /// By layer, of the next step.
  private var nextStep: [[Double]]

  /// - Parameter stride: Below the schedule's layers.
  init(_ forecast: any DemandForecast, _ schedule: BatchSchedule, stride: Int) {
    self.forecast = forecast
    self.stride = stride
    layers = schedule.layers
    nextStep = Array(repeating: [], count: layers)
  }

  /// Shows a layer's choices, and asks.
  ///
  /// - Parameter chosen: The experts of every slot.
  /// - Returns: The layer that is forecast, and the requests expected of its experts.
  mutating func expect(
    step: Int, layer: Int, chosen: [UInt16]
  ) -> (layer: Int, load: [Double]) {
    forecast.observe(step: step, layer: layer, chosen: chosen)
    if layer < stride { nextStep[layer] = forecast.nextStep(layer: layer) }
    let target = layer + stride
    guard target >= layers else {
      return (target, forecast.laterLayer(target, observed: layer))
    }
    return (target - layers, nextStep[target - layers])
  }
}
