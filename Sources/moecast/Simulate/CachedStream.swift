import Demand
import RoutingTrace
import Staging

/// A stream that went through an expert cache of one policy and capacity.
struct CachedStream {
  /// Of all experts of all layers.
  let capacityPercent: Double
  /// Experts that the cache holds.
  let places: Int
  let policy: String
  let hitRate: Double
  /// Share of the way from LRU's hit rate to Belady's; nil where there is no way to go.
  let gapClosed: Double?
  /// Share of the prefetched experts that was read; nil without prefetch.
  let precision: Double?
  /// Experts brought in a read.
  let traffic: Double

  /// The columns of `simulate cache`.
  static let columns: [Column<Self>] = [
    .text("policy", "policy") { $0.policy },
    .number("capacity_percent", "capacity %") { $0.capacityPercent },
    .integer("places", "places") { $0.places },
    .number("hit_rate", "hit rate", places: 4) { $0.hitRate },
    .number("gap_closed", "gap closed %", times: 100) { $0.gapClosed },
    .number("precision", "precision %", times: 100) { $0.precision },
    .number("traffic", "brought/read", places: 3) { $0.traffic },
  ]

  /// Every policy at every capacity, capacity by capacity.
  ///
  /// - Parameters:
  ///   - percents: Capacities as shares of all experts, in per cent.
  ///   - horizon: Layers ahead that are forecast from what was routed in the same token.
  ///   - workers: Threads for the forecasts.
  /// - Throws: `SimulationError`, also where memory is short.
  static func rows(
    _ pool: RequestPool, percents: [Double], horizon: Int, workers: Int
  ) throws -> [CachedStream] {
    let study = CacheStudy(pool)
    let aheads = [0, pool.shape.topK, 2 * pool.shape.topK]
    let places = percents.map { study.capacity(share: $0 / 100) }
    let guided = study.guided(
      places.flatMap { places in
        aheads.map { CacheStudy.Guided(capacity: places, prefetches: $0) }
      }, try MixtureTables(pool, horizon: horizon, workers: workers))
    return percents.indices.flatMap { index in
      let lru = study.run(.leastRecent, capacity: places[index])
      let belady = study.run(.belady, capacity: places[index])
      let gap = belady.hitRate - lru.hitRate
      let policies =
        [
          ("lru", lru), ("lfu", study.run(.leastFrequent, capacity: places[index])),
          ("belady", belady),
        ]
        + aheads.enumerated().map { which, ahead in
          ("forecast, \(ahead) ahead", guided[index * aheads.count + which])
        }
      return policies.map { policy, report in
        CachedStream(
          capacityPercent: percents[index], places: places[index], policy: policy,
          hitRate: report.hitRate,
          gapClosed: gap > 0 ? (report.hitRate - lru.hitRate) / gap : nil,
          precision: report.prefetches > 0 ? report.precision : nil, traffic: report.traffic)
      }
    }
  }
}
