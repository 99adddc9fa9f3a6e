/// Forecasts nothing; the engine then stages nothing.
package struct NoForecast: DemandForecast {
  private let nothing: [Double]
  package let name = "none"
  package let certainty = ForecastCertainty.nothing

  /// For layers of so many experts.
  package init(experts: Int) { nothing = Array(repeating: 0, count: experts) }

  package func observe(step: Int, layer: Int, chosen: [UInt16]) {}
  package func nextStep(layer: Int) -> [Double] { nothing }
  package func laterLayer(_ layer: Int, observed: Int) -> [Double] { nothing }
}

/// Expects of every layer the mean of what it has asked for so far.
struct FrequencyForecast: DemandForecast {
  let name = "frequency"
  private let experts: Int
  private var sums: [[Double]]
  private var observations: [Double]

  init(layers: Int, experts: Int) {
    self.experts = experts
    sums = Array(repeating: Array(repeating: 0, count: experts), count: layers)
    observations = Array(repeating: 0, count: layers)
  }

  mutating func observe(step: Int, layer: Int, chosen: [UInt16]) {
    for id in chosen where Int(id) < experts { sums[layer][Int(id)] += 1 }
    observations[layer] += 1
  }

  func nextStep(layer: Int) -> [Double] {
    sums[layer].map { $0 / max(1, observations[layer]) }
  }

  func laterLayer(_ layer: Int, observed: Int) -> [Double] { nextStep(layer: layer) }
}

/// Expects of every layer what it asked for in the last step.
package struct PersistenceForecast: DemandForecast {
  package let name = "persistence"
  private var last: [[Double]]

  /// For so many layers of so many experts.
  package init(layers: Int, experts: Int) {
    last = Array(repeating: Array(repeating: 0, count: experts), count: layers)
  }

  package mutating func observe(step: Int, layer: Int, chosen: [UInt16]) {
    for expert in last[layer].indices { last[layer][expert] = 0 }
    for id in chosen where Int(id) < last[layer].count { last[layer][Int(id)] += 1 }
  }

  package func nextStep(layer: Int) -> [Double] { last[layer] }
  package func laterLayer(_ layer: Int, observed: Int) -> [Double] { last[layer] }
}
