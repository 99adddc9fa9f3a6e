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
        line.wafer, line.strategy, String(line.batch), decimals(line.meanLayerSeconds * 1e6, 1),
        decimals(line.tokensPerSecond, 0),
        base.map { decimals(line.tokensPerSecond / $0.tokensPerSecond, 2) } ?? "-",
        decimals(line.hops, 1), decimals(line.localReads, 1), decimals(line.remoteReads, 1),
        decimals(line.copies, 1),
      ])
    }
    return table.text
  }
}
