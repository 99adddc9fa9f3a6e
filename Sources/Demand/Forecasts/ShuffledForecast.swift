import RoutingTrace

/// Another forecast with its experts in a wrong order: the control that knows how much there is to
/// come, but not of what.
struct ShuffledForecast: DemandForecast {
  let name = "shuffled"
  private var forecast: any DemandForecast
  private let order: [Int]

  init(_ forecast: any DemandForecast, experts: Int, seed: UInt64) {
    self.forecast = forecast
    var random = SeededGenerator(seed: seed)
    order = Array(0..<experts).shuffled(using: &random)
  }

  mutating func observe(step: Int, layer: Int, chosen: [UInt16]) {
    forecast.observe(step: step, layer: layer, chosen: chosen)
  }

  func nextStep(layer: Int) -> [Double] {
    let expected = forecast.nextStep(layer: layer)
    return order.map { expected[$0] }
  }

  func laterLayer(_ layer: Int, observed: Int) -> [Double] {
    let expected = forecast.laterLayer(layer, observed: observed)
    return order.map { expected[$0] }
  }
}
