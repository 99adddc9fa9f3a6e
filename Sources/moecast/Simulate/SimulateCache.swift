import ArgumentParser
import Demand
import RoutingTrace

/// `moecast simulate cache`: expert caches of several capacities and policies on one stream.
struct SimulateCache: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache",
    abstract: "Compares expert caches: LRU, LFU, Belady and eviction by forecast.",
    discussion: """
      Example:
        moecast simulate cache --capacity 5,10,25 trace.moe.lz4
        moecast simulate cache --stage all --csv trace.moe.lz4 > caches.csv

      Runs one request after another through one cache of all layers' experts. The forecast is the \
      mixture's; "8 ahead" also brings up to 8 of the next layer's experts before they are read. \
      gap closed is the share of the way from LRU's hit rate to Belady's.
      """)

  @OptionGroup var tokens: TokenOptions

  @Option(
    help: ArgumentHelp(
      "Capacities with commas, in per cent of all experts.", valueName: "percents"))
  var capacity = "5,10,25"

  @Option(
    help: ArgumentHelp(
      "Layers ahead that are forecast from what the same token has chosen, at most 4.",
      valueName: "layers"))
  var horizon = 1

  @OptionGroup var workers: WorkerOptions

  @OptionGroup var printing: ReportOptions

  func validate() throws {
    _ = try percents()
    guard (0...MixtureTables.longestHorizon).contains(horizon) else {
      throw ValidationError("--horizon is from 0 to \(MixtureTables.longestHorizon)")
    }
  }

  func run(printing output: inout StandardOutput) throws {
    let pool = try tokens.readPool()
    let rows = try CachedStream.rows(
      pool, percents: try percents(), horizon: horizon, workers: workers.threads)
    try printing.print(Report(CachedStream.columns, rows), to: &output)
  }

  private func percents() throws -> [Double] {
    try commaSeparated(capacity, "--capacity", "numbers above 0, at most 100") { word in
      Double(word).flatMap { $0 > 0 && $0 <= 100 ? $0 : nil }
    }
  }
}
