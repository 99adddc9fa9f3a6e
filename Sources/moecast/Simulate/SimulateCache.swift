import ArgumentParser
import Demand
import RoutingTrace
import Wafer

/// `moecast simulate cache`: expert caches of several capacities and policies on one stream.
struct SimulateCache: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache",
    abstract: "Compares expert caches: LRU, LFU, Belady and eviction by forecast.",
    discussion: """
      Example:
        moecast simulate cache --capacity 5,10,25 trace.moe.lz4
        moecast simulate cache --stage all --csv trace.moe.lz4 > caches.csv

      Runs requests through one cache of all layers' experts: so many at a time as --batch says, \
      which take their tokens together and read an expert once a layer; one at a time in the order \
      of the trace. The forecast is the mixture's; "8 ahead" also brings up to 8 of the next \
      layer's experts before they are read, and so does Belady's rule in "belady, 8 ahead". ahead/read \
      and GB ahead are what that brings, brought/read and GB brought all that comes. gap closed is \
      the share of the way from LRU's hit rate to Belady's with as much ahead.
      """)

  @OptionGroup var tokens: TokenOptions

  @Option(
    help: ArgumentHelp(
      "Capacities with commas, in per cent of all experts.", valueName: "percents"))
  var capacity = "5,10,25"

  @Option(
    help: ArgumentHelp(
      "Requests that go through the layers together, with commas.", valueName: "sizes"))
  var batch = "1,16"

  @Option(help: ArgumentHelp("Weights of the experts, for bytes.", valueName: "format"))
  var weights = WeightFormat.bf16

  @Option(
    help: ArgumentHelp(
      "Layers ahead that are forecast from what the same token has chosen, at most 4.",
      valueName: "layers"))
  var horizon = 1

  @OptionGroup var workers: WorkerOptions

  @OptionGroup var printing: ReportOptions

  func validate() throws {
    _ = try percents()
    _ = try batchSizes(batch)
    guard (0...MixtureTables.longestHorizon).contains(horizon) else {
      throw ValidationError("--horizon is from 0 to \(MixtureTables.longestHorizon)")
    }
  }

  func run(printing output: inout StandardOutput) throws {
    let pool = try tokens.readPool()
    let rows = try CachedStream.rows(
      pool, batches: try batchSizes(batch), percents: try percents(), horizon: horizon,
      expertBytes: ModelShape.named(pool.shape.model).map {
        ExpertCost(shape: $0, format: weights).weightBytes
      }, workers: workers.threads)
    try printing.print(Report(CachedStream.columns, rows), to: &output)
  }

  private func percents() throws -> [Double] {
    try commaSeparated(capacity, "--capacity", "numbers above 0, at most 100") { word in
      Double(word).flatMap { $0 > 0 && $0 <= 100 ? $0 : nil }
    }
  }
}
