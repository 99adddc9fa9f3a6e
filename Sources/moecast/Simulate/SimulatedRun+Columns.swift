import Demand
import Staging
import Wafer

extension SimulatedRun {
  /// What `simulate strategies` prints for programs.
  static let strategyColumns: [Column<Self>] =
    [.wafer, .shape, .batch, .seed, .poolRequests, .poolRequestsUsed, .strategy, .forecast]
    + [.source, .engine, .layerSeconds, .tokensPerSecond, .hops, .requestHops, .localReads]
    + [.remoteReads, .copies] + stagingColumns + comparisons + resourceColumns + [.system]

  /// What `simulate sweep` prints, for programs and people.
  static let sweepColumns: [Column<Self>] =
    [.wafer, .shape, .weights, .trace, .strategy, .forecast, .source, .batch, .layerSeconds]
    + [.tokensPerSecond, .speedup, .hops.unseen, .hopReduction, .localReads, .remoteReads, .copies]
    + [.hostOverhead] + stagingColumns.map { isRate($0) ? $0 : $0.unseen }
    + [.overPersistence, .regret, .bottleneck.unseen, .dispatchSeconds, .combineSeconds, .system]

  /// What a staged run is held against.
  private static let comparisons: [Column<Self>] = [.overPersistence, .regret, .regretToBelady]

  /// What `simulate strategies` prints for people: every configuration, then what became of the
  /// reads and transfers of staged ones.
  static func strategyTables(_ runs: [SimulatedRun]) -> [any Shown] {
    // One seed for all is no news.
    let seeds: [Column<Self>] = Set(runs.map(\.seed)).count > 1 ? [.seed] : []
    let names: [Column<Self>] = [.wafer, .strategy, .batch] + seeds
    let configurations = Report<Self>(
      names + [.poolShare, .layerSeconds, .tokensPerSecond, .speedup, .hops, .localReads]
        + [.remoteReads, .copies, .bottleneck], runs)
    let staged = runs.filter { $0.staging != nil }
    guard !staged.isEmpty else { return [configurations] }
    let transfers = Report<Self>(names + stagingColumns + comparisons, staged)
    return [configurations, "", transfers]
  }

  /// What the resources did, for programs.
  private static let resourceColumns: [Column<Self>] = [
    .bottleneck, .number("compute_seconds") { $0.busy?.compute },
    .number("memory_seconds") { $0.busy?.memory }, .number("link_seconds") { $0.busy?.link },
    .number("mean_compute_seconds") { $0.busy?.meanCompute },
    .number("mean_link_seconds") { $0.busy?.meanLink },
    .dispatchSeconds, .combineSeconds, .number("gap_seconds") { $0.gapSeconds },
    .number("energy.joules") { $0.energy?.total },
    .number("energy.compute_joules") { $0.energy?.compute },
    .number("energy.memory_joules") { $0.energy?.memory },
    .number("energy.link_joules") { $0.energy?.links },
    .number("llc_hits") { $0.llcHits }, .number("llc_misses") { $0.llcMisses },
    load,
  ]

  /// Busy seconds a layer of every resource.
  private static let load = Column<Self>(
    "busy_seconds", nil, isNested: true, value: { $0.loadMap.value })

  /// Whether a sweep's table has the room for a column of the staging engine.
  private static func isRate(_ column: Column<Self>) -> Bool {
    ["on time %", "late %", "demand %", "precision %"].contains(column.heading)
  }

  /// What the staging engine made of a forecast: how reads were met, for people in per cent, and
  /// what became of transfers. Counts are of the whole run.
  private static let stagingColumns: [Column<Self>] = [
    .integer("staging.reads") { $0.staging?.reads },
    .reads("staging.local", "local %") { $0.local },
    .reads("staging.staged_on_time", "on time %") { $0.stagedOnTime },
    .reads("staging.staged_late", "late %") { $0.stagedLate },
    .reads("staging.demand", "demand %") { $0.demand },
    .number("staging.late_seconds") { $0.staging?.lateSeconds },
    .integer("staging.transfers_used", "used") { $0.staging?.transfersUsed },
    .integer("staging.transfers_wasted", "wasted") { $0.staging?.transfersWasted },
    .number("staging.precision", "precision %", times: 100) { $0.staging?.precision }
      .meaning("transfers that were read before they left"),
    .gigabytes("staging.bytes_used", "GB used", places: 1) { $0.staging?.bytesUsed },
    .gigabytes("staging.bytes_wasted", "GB wasted", places: 1) { $0.staging?.bytesWasted },
    .integer("staging.cancelled") { $0.staging?.cancelled },
    .integer("staging.fills") { $0.staging?.fills },
  ]
}

extension Column<SimulatedRun> {
  fileprivate static var wafer: Self { .text("wafer", "wafer") { $0.wafer } }
  /// Every figure of the system, for programs.
  fileprivate static var system: Self {
    Self("system", nil, isNested: true, value: { $0.system.report })
  }
  fileprivate static var shape: Self { .text("shape", "shape") { $0.shape } }
  fileprivate static var weights: Self { .text("weights", "weights") { $0.weights } }
  fileprivate static var trace: Self { .text("trace", "trace") { $0.trace } }
  fileprivate static var batch: Self { .integer("batch", "batch") { $0.batch }.naming }
  fileprivate static var seed: Self {
    .integer("seed", "seed") { $0.seed.map { Int(clamping: $0) } }.naming
  }
  fileprivate static var poolRequests: Self { .integer("pool_requests") { $0.poolRequests } }
  fileprivate static var poolRequestsUsed: Self {
    .integer("pool_requests_used") { $0.poolRequestsUsed }
  }
  /// People see in a table how many of the traces' requests the batches held.
  fileprivate static var poolShare: Self {
    Self("pool_requests_used", "requests", isText: true) {
      .integer($0.poolRequestsUsed ?? 0)
    } shown: { run in
      guard let used = run.poolRequestsUsed, let all = run.poolRequests else { return "-" }
      return "\(used)/\(all)"
    }
  }
  /// People see behind a strategy what it staged by.
  fileprivate static var strategy: Self {
    Self("strategy", "strategy", isText: true) {
      .text($0.strategy)
    } shown: {
      $0.strategy + ($0.forecast.map { " " + $0 } ?? "") + ($0.source.map { ", " + $0 } ?? "")
    }
  }
  fileprivate static var forecast: Self { .text("forecast") { $0.forecast } }
  fileprivate static var source: Self { .text("forecast_source") { $0.source } }
  fileprivate static var overPersistence: Self {
    .number("over_persistence", "to persistence %", times: 100, places: 2) { $0.overPersistence }
      .meaning("time beyond that of expecting what was asked for last")
  }
  fileprivate static var engine: Self { .text("engine") { $0.engine } }
  fileprivate static var layerSeconds: Self {
    .number("mean_layer_seconds", "us/layer", times: 1e6) { $0.layerSeconds }
  }
  fileprivate static var tokensPerSecond: Self {
    .number("tokens_per_second", "tokens/s", places: 0) { $0.tokensPerSecond }
      .meaning("through all MoE layers")
  }
  fileprivate static var speedup: Self {
    .number("speedup", "x base", places: 2) { $0.speedup }
      .meaning("tokens/s over those of strategy base")
  }
  fileprivate static var hops: Self {
    .number("hops", "hops") { $0.hops }
      .meaning("links that weight reads cross, a layer")
  }
  fileprivate static var hopReduction: Self {
    .number("hop_reduction", "hops /") { $0.hopReduction }
      .meaning("base's hops over these")
  }
  fileprivate static var requestHops: Self { .number("request_hops") { $0.requestHops } }
  fileprivate static var localReads: Self {
    .number("local_reads", "local") { $0.localReads }
      .meaning("reads a layer from a die's own memory")
  }
  fileprivate static var remoteReads: Self {
    .number("remote_reads", "remote") { $0.remoteReads }.meaning("reads a layer from elsewhere")
  }
  fileprivate static var copies: Self {
    .number("copies", "copies") { $0.copies }.meaning("experts copied to a die, a layer")
  }
  fileprivate static var bottleneck: Self {
    .text("bottleneck", "bound by") { $0.bottleneck?.rawValue }
      .meaning("what takes most of the time")
  }
  fileprivate static var dispatchSeconds: Self {
    .number("dispatch_seconds") { $0.dispatchSeconds }
  }
  fileprivate static var combineSeconds: Self {
    .number("combine_seconds") { $0.combineSeconds }
  }
  fileprivate static var hostOverhead: Self {
    .number("host_overhead", "host +%", times: 100) { $0.hostOverhead }
      .meaning("time that planning on a host would add")
  }
  fileprivate static var regret: Self {
    .number("regret", "regret %", times: 100, places: 2) { $0.regret }
      .meaning("time beyond that with a perfect forecast")
  }
  fileprivate static var regretToBelady: Self {
    .number("regret_to_belady", "to Belady %", times: 100, places: 2) { $0.regretToBelady }
      .meaning("the same, with Belady's eviction too")
  }

  /// How many reads were met in one way, which people see as a share of all.
  fileprivate static func reads(
    _ key: String, _ heading: String, _ count: @escaping @Sendable (StagingReport) -> Int
  ) -> Self {
    Self(key, heading) {
      $0.staging.map { .integer(count($0)) }
    } shown: { run in
      guard let staging = run.staging, staging.reads > 0 else { return "-" }
      return decimals(100 * Double(count(staging)) / Double(staging.reads), 2)
    }
  }
}
