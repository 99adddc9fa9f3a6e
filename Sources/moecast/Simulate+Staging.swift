import Demand
import Forecast
import MemoryBudget
import ModelFile
import RoutingTrace
import Staging
import Wafer

extension Simulate {
  /// Reads or makes what `strategies` know of the future, once for all configurations.
  func foreknowledge(_ pool: RequestPool, for strategies: [String]) throws -> ForecastSources {
    let forecasts = strategies.contains(Self.staged) ? try staging.chosen() : []
    let predicts = strategies.contains { Strategy(rawValue: $0)?.predicts ?? false }
    return ForecastSources(
      transitions: predicts || forecasts.contains(where: \.usesHeatmap)
        ? try transitions(pool) : nil,
      mixture: forecasts.contains(.mixture)
        ? try MixtureTables(pool, horizon: staging.horizon, workers: workers.threads) : nil)
  }

  /// Runs the staging engine with every forecast asked for.
  func stage(
    _ hardware: Hardware, _ model: ModelShape, batch: Int, _ pool: RequestPool,
    _ known: ForecastSources
  ) throws -> [SimulationLine] {
    let schedule = BatchSchedule(
      pool, size: batch, steps: countedSteps.all, policy: filling.policy)
    var simulation = StagingSimulation(
      hardware: hardware, model: model, format: weights ?? .bf16, options: staging.options(choices))
    simulation.engine = engine.engine
    let chosen = try staging.chosen()
    // The perfect forecast runs once, be it asked for or not.
    let oracle = chosen.firstIndex(of: .oracle) ?? chosen.count
    let compared = chosen + (oracle == chosen.count ? [.oracle] : [])
    let results = try simulation.run(
      pool, schedule: schedule,
      forecasts: try compared.map { try known.forecast($0, schedule) },
      warmSteps: countedSteps.warm)
    let perfect = results[oracle]
    var clairvoyant = simulation
    clairvoyant.options.eviction = .belady
    let belady =
      simulation.options == clairvoyant.options
      ? perfect
      : try clairvoyant.run(
        pool, schedule: schedule, forecast: try ForecastSources().forecast(.oracle, schedule),
        warmSteps: countedSteps.warm)
    return zip(chosen, results).map { name, result in
      var line = SimulationLine(
        simulation.fabric, model, batch: batch, strategy: Self.staged, engine: engine.name,
        result.simulation)
      line.forecast = name.rawValue
      line.staging = StagingFigures(result.staging)
      line.regret = result.regret(against: perfect)
      line.regretToBelady = result.regret(against: belady)
      return line
    }
  }

  /// The token heatmap: a model's table, or the traces' own tokens.
  func transitions(_ pool: RequestPool) throws -> TransitionCounts {
    try AvailableMemory.ofThisProcess().check(TransitionCounts.memoryDemand(shape: pool.shape))
    guard let path = model else { return try TransitionCounts(of: pool) }
    return TransitionCounts(
      layers: pool.shape.layers, experts: pool.shape.experts,
      counts: try Checkpoint.tokenHeatmap(of: path, shape: pool.shape))
  }
}
