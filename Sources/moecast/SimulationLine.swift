import FoundationEssentials
import RoutingTrace
import Wafer

/// One configuration's figures as `moecast simulate` prints them.
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

  enum CodingKeys: String, CodingKey {
    case wafer, shape, batch, strategy, engine, hops, copies
    case meanLayerSeconds = "mean_layer_seconds"
    case tokensPerSecond = "tokens_per_second"
    case requestHops = "request_hops"
    case localReads = "local_reads"
    case remoteReads = "remote_reads"
  }

  init(_ simulation: Simulation, _ result: SimulationResult) {
    wafer = simulation.fabric.hardware.name
    shape = simulation.model.name
    batch = simulation.batch
    strategy = simulation.strategy.rawValue
    engine = simulation.engine.name
    meanLayerSeconds = result.meanLayerSeconds
    tokensPerSecond = result.tokensPerSecond
    hops = result.mean(\.hops)
    requestHops = result.mean(\.requestHops)
    localReads = result.mean(\.localReads)
    remoteReads = result.mean(\.remoteReads)
    copies = result.mean(\.copies)
  }

  static func json(_ lines: [SimulationLine]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return String(decoding: try encoder.encode(lines), as: UTF8.self)
  }

  /// Columns for people; `x base` compares throughput with Base of the same system and batch.
  static func table(_ lines: [SimulationLine]) -> String {
    let head = [
      "wafer", "batch", "strategy", "us/layer", "tokens/s", "x base", "hops", "local", "remote",
      "copies",
    ]
    let rows = lines.map { line -> [String] in
      let base = lines.first {
        $0.strategy == "base" && $0.wafer == line.wafer && $0.batch == line.batch
      }
      return [
        line.wafer, String(line.batch), line.strategy, fixed(line.meanLayerSeconds * 1e6, 1),
        fixed(line.tokensPerSecond, 0),
        base.map { fixed(line.tokensPerSecond / $0.tokensPerSecond, 2) } ?? "-",
        fixed(line.hops, 1), fixed(line.localReads, 1), fixed(line.remoteReads, 1),
        fixed(line.copies, 1),
      ]
    }
    let all = [head] + rows
    let widths = head.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      row.indices.map { column in
        let gap = String(repeating: " ", count: widths[column] - row[column].count)
        return column == 0 || column == 2 ? row[column] + gap : gap + row[column]
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  /// `value` with `digits` decimals, rounded half away from zero.
  private static func fixed(_ value: Double, _ digits: Int) -> String {
    let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
    guard value.isFinite, abs(value) * scale < 0x1p53 else { return String(value) }
    let whole = String(Int((abs(value) * scale).rounded()))
    let padded = String(repeating: "0", count: max(0, digits + 1 - whole.count)) + whole
    let sign = value < 0 ? "-" : ""
    return digits == 0
      ? sign + padded : sign + padded.dropLast(digits) + "." + padded.suffix(digits)
  }
}
