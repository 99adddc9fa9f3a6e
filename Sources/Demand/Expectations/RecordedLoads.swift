/// How many requests every expert is expected to get at every layer of every step of a run, as
/// another program has written it down: `forecast[step][layer][expert]`.
///
/// ```swift
/// let loads = try RecordedLoads(steps: 24, layers: 24, experts: 128, values: values)
/// try loads.check(layers: pool.shape.layers, experts: pool.shape.experts)
/// let results = try simulation.run(pool, schedule: schedule, forecast: loads.forecast("mine"))
/// ```
///
/// Steps are the run's, counted from the first one, warm ones included. Nothing is expected of steps
/// beyond the last.
public struct RecordedLoads: Sendable {
  /// Steps of which it tells.
  public let steps: Int
  /// MoE layers (L).
  public let layers: Int
  /// Experts of a layer (E).
  public let experts: Int
  /// `[steps, layers, experts]`.
  private let values: [Float]

  /// - Parameter values: `steps * layers * experts` requests, in the order of their axes.
  /// - Throws: ``ForecastFault`` where they are not as many, or one is negative or no number.
  public init(steps: Int, layers: Int, experts: Int, values: [Float]) throws(ForecastFault) {
    guard values.count == steps * layers * experts else {
      throw ForecastFault(
        "it has \(values.count) values for \(steps) steps, \(layers) layers and \(experts) experts",
        remedy: "give one value an expert")
    }
    if let wrong = values.firstIndex(where: { !($0 >= 0 && $0 < .infinity) }) {
      let expert = wrong % experts
      let layer = wrong / experts % layers
      throw ForecastFault(
        "expert \(expert) of layer \(layer) in step \(wrong / experts / layers) is expected to get "
          + "\(values[wrong]) requests", remedy: "write 0 or more for every expert")
    }
    (self.steps, self.layers, self.experts) = (steps, layers, experts)
    self.values = values
  }

  /// - Throws: ``ForecastFault`` where it is of another model's layers or experts.
  public func check(layers: Int, experts: Int) throws(ForecastFault) {
    guard (layers, experts) == (self.layers, self.experts) else {
      throw ForecastFault(
        "it forecasts \(self.layers) layers of \(self.experts) experts, and the traces have "
          + "\(layers) of \(experts)", remedy: "give forecasts of the traces' model")
    }
  }

  /// What it tells, step by step.
  ///
  /// - Parameter name: for tables.
  public func forecast(_ name: String) -> any DemandForecast {
    RecordedLoadsForecast(name: name, loads: self)
  }

  /// The requests of every expert; none where nothing is told.
  fileprivate func row(step: Int, layer: Int) -> [Double] {
    guard step < steps, layer < layers else { return Array(repeating: 0, count: experts) }
    let first = (step * layers + layer) * experts
    return values[first..<first + experts].map(Double.init)
  }
}

/// Replays recorded loads.
private struct RecordedLoadsForecast: DemandForecast {
  let name: String
  let loads: RecordedLoads
  private var step = 0

  init(name: String, loads: RecordedLoads) {
    self.name = name
    self.loads = loads
  }

  mutating func observe(step: Int, layer: Int, chosen: [UInt16]) { self.step = step }

  func nextStep(layer: Int) -> [Double] { loads.row(step: step + 1, layer: layer) }

  func laterLayer(_ layer: Int, observed: Int) -> [Double] { loads.row(step: step, layer: layer) }
}
