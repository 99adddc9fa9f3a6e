import Demand
import RoutingTrace
import Staging
import Wafer

/// A stream that went through an expert cache of one policy and capacity.
struct CachedStream {
  /// Requests that go through the layers together.
  let batch: Int
  /// Of all experts of all layers.
  let capacityPercent: Double
  /// Experts that the cache holds.
  let places: Int
  let policy: String
  let report: CacheReport
  /// Share of the way from LRU's hit rate to that of who knows the future and may bring as many
  /// experts ahead; nil where there is no way to go.
  let gapClosed: Double?
  /// Bytes of an expert; nil where the traces name no known model.
  let expertBytes: Double?

  /// The columns of `simulate cache`.
  static let columns: [Column<Self>] = [
    .text("policy", "policy") { $0.policy },
    .integer("batch", "batch") { $0.batch },
    .number("capacity_percent", "capacity %") { $0.capacityPercent },
    .integer("places", "places") { $0.places },
    .integer("reads") { $0.report.reads },
    .number("hit_rate", "hit rate", places: 4) { $0.report.hitRate },
    .number("gap_closed", "gap closed %", times: 100) { $0.gapClosed },
    .number("precision", "precision %", times: 100) {
      $0.report.prefetches > 0 ? $0.report.precision : nil
    },
    .number("prefetched", "ahead/read", places: 3) { $0.report.prefetchTraffic },
    .number("traffic", "brought/read", places: 3) { $0.report.traffic },
    .gigabytes("bytes_prefetched", "GB ahead", places: 0) { row in
      row.expertBytes.map { $0 * Double(row.report.prefetches) }
    },
    .gigabytes("bytes_brought", "GB brought", places: 0) { row in
      row.expertBytes.map { $0 * Double(row.report.brought) }
    },
  ]

  /// Every policy at every batch size and capacity.
  ///
  /// - Parameters:
  ///   - batches: Requests that go through the layers together.
  ///   - percents: Capacities as shares of all experts, in per cent.
  ///   - horizon: Layers ahead that are forecast from what was routed in the same tokens.
  ///   - expertBytes: Bytes of an expert, if known.
  ///   - workers: Threads for the forecasts.
  /// - Throws: `SimulationError`, also where memory is short.
  static func rows(
    _ pool: RequestPool, batches: [Int], percents: [Double], horizon: Int, expertBytes: Double?,
    workers: Int
  ) throws -> [CachedStream] {
    let tables = try MixtureTables(pool, horizon: horizon, workers: workers)
    return batches.flatMap { batch in
      let study = CacheStudy(pool, slots: batch)
      let (topK, experts) = (pool.shape.topK, pool.shape.experts)
      let aheads = [0, topK, 2 * topK].map { min($0 * batch, experts) }
      let places = percents.map { study.capacity(share: $0 / 100) }
      let guided = study.guided(
        places.flatMap { places in
          aheads.map { CacheStudy.Guided(capacity: places, prefetches: $0) }
        }, tables)
      return percents.indices.flatMap { index in
        let places = places[index]
        let lru = study.run(.leastRecent, capacity: places)
        func row(
          _ policy: String, _ report: CacheReport, bound: CacheReport
        ) -> CachedStream {
          let gap = bound.hitRate - lru.hitRate
          return CachedStream(
            batch: batch, capacityPercent: percents[index], places: places, policy: policy,
            report: report, gapClosed: gap > 0 ? (report.hitRate - lru.hitRate) / gap : nil,
            expertBytes: expertBytes)
        }
        let belady = study.run(.belady, capacity: places)
        let own = [
          row("lru", lru, bound: belady),
          row("lfu", study.run(.leastFrequent, capacity: places), bound: belady),
          row("belady", belady, bound: belady),
        ]
        return own
          + aheads.enumerated().flatMap { which, ahead in
            let bound = study.clairvoyant(capacity: places, prefetches: ahead)
            let report = guided[index * aheads.count + which]
            let forecast = row("forecast, \(ahead) ahead", report, bound: bound)
            // Without prefetch that is Belady's row.
            return ahead == 0
              ? [forecast] : [forecast, row("belady, \(ahead) ahead", bound, bound: bound)]
          }
      }
    }
  }
}
