import Demand

/// The experts that a die still has to ask chunks for, in two priorities: those that a layer is known
/// to need go before those that are forecast. A chunk already asked for is never taken back.
struct TransferTasks {
  /// Asked for by a gate, in order.
  private(set) var precise: [ExpertKey] = []
  /// Forecast, in order.
  private(set) var forecast: [ExpertKey] = []

  /// Those whose turn it is: while anything precise is queued, nothing that is forecast.
  var next: (keys: [ExpertKey], areForecast: Bool) {
    precise.isEmpty ? (forecast, true) : (precise, false)
  }

  /// Queues what is forecast behind everything else.
  mutating func add(forecast keys: [ExpertKey]) {
    for key in keys where !forecast.contains(key) { forecast.append(key) }
  }

  /// A layer's gate has told: what was forecast for it is dropped.
  mutating func dropForecasts(of layer: Int) { forecast.removeAll { $0.layer == layer } }

  /// Queues what a gate asks for before everything that is forecast.
  mutating func add(precise keys: [ExpertKey]) {
    for key in keys where !precise.contains(key) { precise.append(key) }
  }

  /// All chunks of an expert have been asked for.
  mutating func remove(_ key: ExpertKey) {
    precise.removeAll { $0 == key }
    forecast.removeAll { $0 == key }
  }
}
