import Staging
import Wafer

/// One line of `simulate offload`.
struct OffloadedRun {
  let system: SystemDescription
  let shape: String
  let policy: String
  let forecast: String?
  /// Where what the forecast has learnt comes from; nil where that is the batches as they go by.
  let source: String?
  let batch: Int
  let capacityPercent: Double
  /// Experts of a layer that a die keeps.
  let slots: Int
  /// Of the queue of requests; nil where none are drawn.
  let seed: UInt64?
  let simulation: SimulationResult
  /// What a layer would take were all experts in HBM.
  let residentLayerSeconds: Double
  /// Share of the expert reads that found everything there.
  var hitRate = 0.0
  /// What became of forecasts by ProMoE's rules; nil for the staging engine.
  var proactive: ProactiveReport?
  /// The staging engine's report; nil for all others.
  var staging: StagingReport?
  /// Bytes brought into the cache.
  var bytesMoved: Double?
  /// Tokens a second over those of bringing everything every time, and of LRU.
  var overOnDemand = 1.0
  var overLeastRecent = 1.0

  /// The columns of `simulate offload`.
  static let columns: [Column<Self>] = [
    .text("wafer", "wafer") { $0.system.hardware.name },
    Column("system", nil, isNested: true) { $0.system.report },
    .text("shape") { $0.shape },
    .text("policy", "policy") { $0.policy },
    .text("forecast", "forecast") { $0.forecast },
    .text("source") { $0.source },
    .integer("batch", "batch") { $0.batch },
    .number("capacity_percent", "capacity %") { $0.capacityPercent },
    .integer("slots") { $0.slots },
    .integer("seed", "seed") { $0.seed.map { Int(clamping: $0) } },
    .number("layer_seconds", "us/layer", times: 1e6) { $0.simulation.meanLayerSeconds },
    .number("resident_layer_seconds") { $0.residentLayerSeconds },
    .number("gap_seconds") { $0.simulation.gapSeconds },
    .number("tokens_per_second", "tokens/s", places: 2) { $0.simulation.tokensPerSecond },
    .number("over_on_demand", "x on-demand", places: 2) { $0.overOnDemand },
    .number("over_lru", "x lru", places: 2) { $0.overLeastRecent },
    .number("load_share", "load %", times: 100) { row in
      row.simulation.loadShare(residentLayerSeconds: row.residentLayerSeconds)
    },
    .number("hit_rate", "hit %", times: 100) { $0.hitRate },
    .number("accuracy", "accuracy %", times: 100) { $0.forecastReport?.accuracy },
    .number("timeliness", "in time %", times: 100) { $0.forecastReport?.timeliness },
    .number("good_prediction", "good %", times: 100) { $0.forecastReport?.goodPrediction },
    .integer("reads") { $0.proactive?.reads ?? $0.staging?.reads },
    .number("bytes_moved") { $0.bytesMoved },
    .number("bytes_wasted") { $0.proactive?.bytesWasted ?? $0.staging?.bytesWasted },
  ]

  /// The report, where anything was forecast.
  private var forecastReport: ProactiveReport? {
    proactive.flatMap { $0.forecasts > 0 ? $0 : nil }
  }

  /// The table for people: one seed for all is no news.
  static func table(_ rows: [OffloadedRun]) -> Report<OffloadedRun> {
    let isDrawn = Set(rows.map(\.seed)).count > 1
    return Report(columns.filter { $0.heading != "seed" || isDrawn }, rows)
  }
}
