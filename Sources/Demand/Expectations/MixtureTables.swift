import Forecast
import MemoryBudget
import RoutingTrace

/// The mixture's chances for every way of looking ahead that a simulation uses.
public struct MixtureTables: Sendable {
  /// Layers ahead that the mixture forecasts; beyond, earlier tokens have to do.
  public static let longestHorizon = 4

  /// Of the same layer at the request's next token.
  package let nextToken: ChanceTable
  /// Of later layers at the same token, by horizon, from 1 layer ahead.
  package let laterLayers: [ChanceTable]

  /// What the tables take; parameters as of ``init(_:horizon:workers:memory:)``.
  public static func memoryDemand(_ pool: RequestPool, horizon: Int) -> MemoryDemand {
    let shape = pool.shape
    let mixture = Mixture.bytes(shape: shape, options: ChanceTable.nextLayer)
    return MemoryDemand(
      "forecasts of \(pool.tokens) tokens of \(shape)",
      bytes: (1 + min(horizon, longestHorizon)) * ChanceTable.bytes(pool) + mixture)
  }

  /// Runs one mixture for the next token and one for every horizon up to `horizon`, at most
  /// ``longestHorizon``.
  ///
  /// - Parameters:
  ///   - workers: Threads; the tables do not depend on it.
  ///   - memory: What there is; the tables are held against it before they are made.
  /// - Throws: ``SimulationError`` where a table would be too large.
  public init(
    _ pool: RequestPool, horizon: Int, workers: Int = 1, memory: AvailableMemory = .ofThisProcess()
  ) throws(SimulationError) {
    do throws(MemoryShortage) { try memory.check(Self.memoryDemand(pool, horizon: horizon)) } catch
    {
      throw SimulationError("\(error), or give fewer traces")
    }
    nextToken = try ChanceTable(pool, ChanceTable.nextToken, workers: workers)
    var tables: [ChanceTable] = []
    for ahead in 0..<min(horizon, Self.longestHorizon) {
      tables.append(try ChanceTable(pool, ChanceTable.laterLayer(ahead + 1), workers: workers))
    }
    laterLayers = tables
  }
}
