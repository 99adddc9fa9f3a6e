import Forecast
import RoutingTrace

/// What the experts that a token chose at one layer tell of a layer some layers later: a layer-Markov
/// table learnt over a pool in its order, each event forecast before it is learnt.
///
/// ```swift
/// let table = try LayerMarkovTable(pool, stride: 1)
/// let forecast = table.forecast(schedule)
/// ```
public struct LayerMarkovTable: Sendable {
  /// Its name in tables.
  public static let name = "layer-markov"

  /// Layers ahead that it forecasts.
  public let stride: Int
  private let chances: ChanceTable

  /// Learns from all requests of `pool`.
  ///
  /// - Parameters:
  ///   - stride: Layers ahead, from 1 to ``MixtureTables/longestHorizon``.
  ///   - workers: Threads; the table does not depend on it.
  /// - Throws: ``SimulationError`` where the table would be too large.
  public init(_ pool: RequestPool, stride: Int, workers: Int = 1) throws(SimulationError) {
    precondition((1...MixtureTables.longestHorizon).contains(stride), "a stride that none learns")
    var options = MixtureOptions(parts: [.layer])
    options.horizon = stride
    self.stride = stride
    chances = try ChanceTable(pool, options, workers: workers)
  }

  /// A fresh forecast of the schedule's demand, `stride` layers ahead and nowhere else; of the next
  /// token it knows nothing.
  public func forecast(_ schedule: BatchSchedule) -> any DemandForecast {
    TableForecast(
      Self.name, schedule, nextToken: nil,
      laterLayers: Array(repeating: nil, count: stride - 1) + [chances])
  }
}
