import ArgumentParser
import Demand
import RoutingTrace
import Staging
import Synchronization
import Wafer

extension Simulate {
  /// The paper's models, and the weights in which each is published.
  private static let models: [(name: String, format: WeightFormat)] = [
    ("deepseek-v3", .fp8), ("kimi-k2", .fp8), ("llama-4-maverick", .bf16),
    ("qwen3-235b-a22b", .bf16),
  ]

  /// Runs and prints `--sweep`.
  func runSweep(
    _ systems: [Hardware], _ pool: RequestPool, printing output: inout StandardOutput
  ) throws {
    var sweep = Sweep(systems: systems, workloads: try workloads(pool))
    sweep.batches = try batches()
    (sweep.steps, sweep.warmSteps) = countedSteps
    sweep.options = choices.options
    sweep.staging = staging.options(choices)
    if staging.forecasts != nil { sweep.forecasts = try staging.chosen() }
    sweep.host.roundTripSeconds = hostRoundTripSeconds
    let total = sweep.count
    let bar = Mutex(ProgressBar(total: total, unit: "runs"))
    let rows = try sweep.run(workers: workers.threads) { done in
      bar.withLock { $0.update(done) }
    }
    bar.withLock { $0.clear() }
    let report = SweepReport(rows)
    try output.report(asJSON, report.lines, csv ? report.csv : report.table)
  }

  /// The trace under its own model, and scaled to the others.
  private func workloads(_ pool: RequestPool) throws -> [Sweep.Workload] {
    let source = pool.shape.model.isEmpty ? "this trace" : pool.shape.model
    let wanted = try shape.map { try commaSeparated($0, "--shape", "known models") { $0 } }
    let names = wanted ?? Self.models.map(\.name)
    return try names.map { name in
      guard let model = ModelShape.named(name) else {
        throw ValidationError("--shape '\(name)' is unknown")
      }
      let format = weights ?? Self.models.first { $0.name == model.name }?.format ?? .bf16
      let target = try model.traceShape()
      let isOwn = target.isCompatible(with: pool.shape)
      return Sweep.Workload(
        model: model, format: format, pool: isOwn ? pool : pool.scaled(to: target),
        origin: isOwn ? Sweep.Workload.real : "scaled from \(source)")
    }
  }
}
