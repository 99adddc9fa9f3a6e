import RoutingTrace
import Staging
import Wafer

/// One configuration's figures as `moecast simulate` prints them; counts are means a layer.
struct SimulationLine: Encodable {
  let wafer: String
  let shape: String
  let batch: Int
  let strategy: String
  let engine: String
  let meanLayerSeconds: Double
  let tokensPerSecond: Double
  let hops: Double
  let requestHops: Double
  let localReads: Double
  let remoteReads: Double
  let copies: Double
  /// What foretold the demand, and what the staging engine made of it.
  var forecast: String?
  var staging: StagingFigures?
  /// Time beyond that of a perfect forecast, and beyond that with Belady's eviction too, as shares.
  var regret: Double?
  var regretToBelady: Double?

  enum CodingKeys: String, CodingKey {
    case wafer, shape, batch, strategy, engine, hops, copies, forecast, staging, regret
    case regretToBelady = "regret_to_belady"
    case meanLayerSeconds = "mean_layer_seconds"
    case tokensPerSecond = "tokens_per_second"
    case requestHops = "request_hops"
    case localReads = "local_reads"
    case remoteReads = "remote_reads"
  }

  init(
    _ fabric: Fabric, _ model: ModelShape, batch: Int, strategy: String, engine: String,
    _ result: SimulationResult
  ) {
    wafer = fabric.hardware.name
    shape = model.name
    self.batch = batch
    self.strategy = strategy
    self.engine = engine
    meanLayerSeconds = result.meanLayerSeconds
    tokensPerSecond = result.tokensPerSecond
    hops = result.mean(\.hops)
    requestHops = result.mean(\.requestHops)
    localReads = result.mean(\.localReads)
    remoteReads = result.mean(\.remoteReads)
    copies = result.mean(\.copies)
  }

  /// Columns for people; `x base` compares throughput with Base of the same system and batch.
  static func table(_ lines: [SimulationLine]) -> String {
    var table = TextTable(
      [
        "wafer", "strategy", "batch", "us/layer", "tokens/s", "x base", "hops", "local", "remote",
        "copies",
      ], leftColumns: 2)
    for line in lines {
      let base = lines.first {
        $0.strategy == "base" && $0.wafer == line.wafer && $0.batch == line.batch
      }
      table.add([
        line.wafer, line.label, String(line.batch), decimals(line.meanLayerSeconds * 1e6, 1),
        decimals(line.tokensPerSecond, 0),
        base.map { decimals(line.tokensPerSecond / $0.tokensPerSecond, 2) } ?? "-",
        decimals(line.hops, 1), decimals(line.localReads, 1), decimals(line.remoteReads, 1),
        decimals(line.copies, 1),
      ])
    }
    let staged = lines.filter { $0.staging != nil }
    return table.text + (staged.isEmpty ? "" : "\n\n" + stagingTable(staged))
  }

  private var label: String { strategy + (forecast.map { " " + $0 } ?? "") }

  /// How reads were met, in per cent, and what became of transfers.
  private static func stagingTable(_ lines: [SimulationLine]) -> String {
    var table = TextTable(
      [
        "wafer", "strategy", "batch", "local %", "on time %", "late %", "demand %", "used",
        "wasted", "precision %", "GB used", "GB wasted", "regret %", "to Belady %",
      ], leftColumns: 2)
    for line in lines {
      guard let staging = line.staging else { continue }
      func share(_ count: Int) -> String {
        decimals(100 * Double(count) / Double(max(1, staging.reads)), 2)
      }
      table.add([
        line.wafer, line.label, String(line.batch), share(staging.local),
        share(staging.stagedOnTime), share(staging.stagedLate), share(staging.demand),
        String(staging.transfersUsed), String(staging.transfersWasted),
        decimals(100 * staging.precision, 1), decimals(staging.bytesUsed / 1e9, 1),
        decimals(staging.bytesWasted / 1e9, 1), line.regret.map { decimals(100 * $0, 2) } ?? "-",
        line.regretToBelady.map { decimals(100 * $0, 2) } ?? "-",
      ])
    }
    return table.text
  }
}

/// ``StagingReport`` under stable keys; counts are of the whole run.
struct StagingFigures: Encodable {
  let reads: Int
  let local: Int
  let stagedOnTime: Int
  let stagedLate: Int
  let demand: Int
  let lateSeconds: Double
  let transfersUsed: Int
  let transfersWasted: Int
  let bytesUsed: Double
  let bytesWasted: Double
  let precision: Double
  let cancelled: Int
  let fills: Int

  enum CodingKeys: String, CodingKey {
    case reads, local, demand, precision, cancelled, fills
    case stagedOnTime = "staged_on_time"
    case stagedLate = "staged_late"
    case lateSeconds = "late_seconds"
    case transfersUsed = "transfers_used"
    case transfersWasted = "transfers_wasted"
    case bytesUsed = "bytes_used"
    case bytesWasted = "bytes_wasted"
  }

  init(_ report: StagingReport) {
    reads = report.reads
    local = report.local
    stagedOnTime = report.stagedOnTime
    stagedLate = report.stagedLate
    demand = report.demand
    lateSeconds = report.lateSeconds
    transfersUsed = report.transfersUsed
    transfersWasted = report.transfersWasted
    bytesUsed = report.bytesUsed
    bytesWasted = report.bytesWasted
    precision = report.precision
    cancelled = report.cancelled
    fills = report.fills
  }
}
