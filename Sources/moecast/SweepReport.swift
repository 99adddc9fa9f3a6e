import Demand
import RoutingTrace
import Staging
import Wafer

/// A sweep's rows with their ratios to Base, as table, CSV and JSON.
struct SweepReport {
  /// One configuration; counts are means a layer, ratios are to Base of the same configuration.
  struct Line: Encodable {
    let wafer: String
    let shape: String
    let weights: String
    /// `real`, or what the trace was scaled from.
    let trace: String
    let batch: Int
    let strategy: String
    let forecast: String?
    let meanLayerSeconds: Double
    let tokensPerSecond: Double
    /// Throughput over Base's.
    let speedup: Double?
    let hops: Double
    /// Base's hops over these; nil where there are none left.
    let hopReduction: Double?
    let localReads: Double
    let remoteReads: Double
    let copies: Double
    let hostOverhead: Double?
    let staging: StagingFigures?
    let regret: Double?

    enum CodingKeys: String, CodingKey {
      case wafer, shape, weights, trace, batch, strategy, forecast, speedup, hops, copies, staging
      case regret
      case meanLayerSeconds = "mean_layer_seconds"
      case tokensPerSecond = "tokens_per_second"
      case hopReduction = "hop_reduction"
      case localReads = "local_reads"
      case remoteReads = "remote_reads"
      case hostOverhead = "host_overhead"
    }
  }

  let lines: [Line]

  init(_ rows: [Sweep.Row]) {
    lines = rows.map { row in
      let base = rows.first {
        $0.strategy == Strategy.base.rawValue && $0.wafer == row.wafer && $0.model == row.model
          && $0.batch == row.batch
      }
      return Line(
        wafer: row.wafer, shape: row.model, weights: row.format.rawValue, trace: row.origin,
        batch: row.batch, strategy: row.strategy, forecast: row.forecast?.rawValue,
        meanLayerSeconds: row.layerSeconds,
        tokensPerSecond: row.tokensPerSecond,
        speedup: base.map { row.tokensPerSecond / $0.tokensPerSecond }, hops: row.hops,
        hopReduction: base.flatMap { row.hops > 0 ? $0.hops / row.hops : nil },
        localReads: row.localReads, remoteReads: row.remoteReads, copies: row.copies,
        hostOverhead: row.hostOverhead, staging: row.staging.map(StagingFigures.init),
        regret: row.regret)
    }
  }

  private static let columns = [
    "wafer", "shape", "weights", "trace", "strategy", "batch", "us/layer", "tokens/s", "x base",
    "hops /", "local", "remote", "copies", "host +%", "on time %", "late %", "demand %",
    "precision %", "regret %",
  ]

  private func cells(_ line: Line) -> [String] {
    func share(_ count: Int?) -> String {
      guard let count, let reads = line.staging?.reads, reads > 0 else { return "-" }
      return decimals(100 * Double(count) / Double(reads), 2)
    }
    func optional(_ value: Double?, _ places: Int) -> String {
      value.map { decimals($0, places) } ?? "-"
    }
    return [
      line.wafer, line.shape, line.weights, line.trace,
      line.strategy + (line.forecast.map { " " + $0 } ?? ""), String(line.batch),
      decimals(line.meanLayerSeconds * 1e6, 1), decimals(line.tokensPerSecond, 0),
      optional(line.speedup, 2), optional(line.hopReduction, 1), decimals(line.localReads, 1),
      decimals(line.remoteReads, 1), decimals(line.copies, 2),
      optional(line.hostOverhead.map { 100 * $0 }, 1), share(line.staging?.stagedOnTime),
      share(line.staging?.stagedLate), share(line.staging?.demand),
      optional(line.staging.map { 100 * $0.precision }, 1),
      optional(line.regret.map { 100 * $0 }, 2),
    ]
  }

  /// Columns for people.
  var table: String {
    var table = TextTable(Self.columns, leftColumns: 5)
    for line in lines { table.add(cells(line)) }
    return table.text
  }

  /// The same columns with commas; `-` stands where there is no value.
  var csv: String {
    ([Self.columns] + lines.map(cells)).map(csvLine).joined(separator: "\n")
  }
}
