import Demand
import RoutingTrace
import Staging

/// Expert caches of several capacities on one stream, as `moecast simulate --expert-cache` prints them.
struct ExpertCacheReport {
  /// One policy at one capacity.
  struct Line: Encodable {
    let capacityPercent: Double
    let places: Int
    let policy: String
    let hitRate: Double
    /// Share of the way from LRU's hit rate to Belady's.
    let gapClosed: Double?
    /// Share of the prefetched experts that was read; nil without prefetch.
    let precision: Double?
    /// Experts brought in a read.
    let traffic: Double

    enum CodingKeys: String, CodingKey {
      case places, policy, precision, traffic
      case capacityPercent = "capacity_percent"
      case hitRate = "hit_rate"
      case gapClosed = "gap_closed"
    }
  }

  private(set) var lines: [Line] = []

  /// - Parameters:
  ///   - percents: Capacities as shares of all experts, in per cent.
  ///   - horizon: Layers ahead that are forecast from what was routed in the same token.
  ///   - workers: Threads for the forecasts.
  init(_ pool: RequestPool, percents: [Double], horizon: Int, workers: Int) throws {
    let study = CacheStudy(pool)
    let aheads = [0, pool.shape.topK, 2 * pool.shape.topK]
    let places = percents.map { study.capacity(share: $0 / 100) }
    let guided = study.guided(
      places.flatMap { places in
        aheads.map { CacheStudy.Guided(capacity: places, prefetches: $0) }
      }, try MixtureTables(pool, horizon: horizon, workers: workers))
    for (index, percent) in percents.enumerated() {
      let lru = study.run(.leastRecent, capacity: places[index])
      let belady = study.run(.belady, capacity: places[index])
      let gap = belady.hitRate - lru.hitRate
      func add(_ policy: String, _ report: CacheReport) {
        lines.append(
          Line(
            capacityPercent: percent, places: places[index], policy: policy,
            hitRate: report.hitRate,
            gapClosed: gap > 0 ? (report.hitRate - lru.hitRate) / gap : nil,
            precision: report.prefetches > 0 ? report.precision : nil, traffic: report.traffic))
      }
      add("lru", lru)
      add("lfu", study.run(.leastFrequent, capacity: places[index]))
      add("belady", belady)
      for (which, ahead) in aheads.enumerated() {
        add("forecast, \(ahead) ahead", guided[index * aheads.count + which])
      }
    }
  }

  /// Columns for people.
  var table: String {
    var table = TextTable(
      ["policy", "capacity %", "places", "hit rate", "gap closed %", "precision %", "brought/read"])
    for line in lines {
      table.add([
        line.policy, decimals(line.capacityPercent, 1), String(line.places),
        decimals(line.hitRate, 4), line.gapClosed.map { decimals(100 * $0, 1) } ?? "-",
        line.precision.map { decimals(100 * $0, 1) } ?? "-", decimals(line.traffic, 3),
      ])
    }
    return table.text
  }
}
