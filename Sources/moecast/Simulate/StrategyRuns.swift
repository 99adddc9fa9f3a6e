import Demand
import Forecast
import RoutingTrace
import Staging
import Wafer

/// The configurations of one `simulate strategies`, with what all of them share.
struct StrategyRuns {
  private let options: SimulateStrategies
  private let pool: RequestPool
  private let model: ModelShape
  private let steps: StepCounts
  /// What strategies and forecasts know of the future, made once.
  private let sources: ForecastSources
  /// What files forecast, by their names.
  private let recorded: [String: RecordedChances]

  /// - Parameter map: where the pool's tokens stand; nil where no file forecasts them.
  /// - Throws: `TraceError` where no model is named, `ModelError`, `MemoryShortage`,
  ///   `SimulationError`, ``ForecastFileError``.
  init(_ options: SimulateStrategies, _ pool: RequestPool, _ map: PoolMap?) throws {
    self.options = options
    self.pool = pool
    model = try Self.model(options, pool.shape)
    steps = try StepCounts(options.configurations.steps, warm: options.configurations.warmSteps)
    let forecasts = try options.stagedForecasts()
    let horizon = options.staging.options(options.choices).horizon
    sources = ForecastSources(
      transitions: try options.usesHeatmap()
        ? try tokenHeatmap(pool, model: options.configurations.model) : nil,
      mixture: forecasts.contains(.own(.mixture))
        ? try MixtureTables(pool, horizon: horizon, workers: options.workers.threads) : nil)
    var recorded: [String: RecordedChances] = [:]
    for path in Set(forecasts.compactMap(\.path)).sorted() {
      if let map { recorded[path] = try RecordedChances(file: path, pool, map) }
    }
    self.recorded = recorded
  }

  /// A fresh forecast.
  private func forecast(
    _ source: ForecastSource, _ schedule: BatchSchedule
  ) throws -> any DemandForecast {
    switch source {
    case .own(let choice): return try sources.forecast(choice, schedule)
    case .file(let path):
      guard let recorded = recorded[path] else { return NoForecast(experts: schedule.experts) }
      return recorded.forecast(path, schedule)
    }
  }

  private static func model(
    _ options: SimulateStrategies, _ trace: TraceShape
  ) throws -> ModelShape {
    guard let model = ModelShape.named(options.configurations.shape ?? trace.model) else {
      throw TraceError(
        .shapeMismatch, file: options.tokens.traces.first ?? "-",
        problem: "it does not name a known model",
        remedy: "add --shape, one of " + ModelShape.known.map(\.name).joined(separator: ", "))
    }
    return model
  }

  /// Runs one strategy; the staging engine once for every forecast.
  func run(_ strategy: String, _ system: SystemDescription, batch: Int) throws -> [SimulatedRun] {
    guard let strategy = Strategy(rawValue: strategy) else {
      return try staged(system, batch: batch)
    }
    let gap = try options.gap.layerGap(model, batch: batch, on: system.hardware)
    let system = try system.leaving(gap)
    var simulation = Simulation(
      hardware: system.hardware, model: model, format: options.configurations.weights, batch: batch,
      steps: steps.all, strategy: strategy)
    simulation.warmSteps = steps.warm
    simulation.layers = options.configurations.layers
    simulation.gapSeconds = gap?.seconds ?? options.staging.gapSeconds ?? 0
    simulation.batching = options.filling.policy
    simulation.options = options.choices.options
    simulation.options.activations = options.activations.options
    simulation.engine = options.engine.engine
    simulation.timelineLayer = options.files.timeline.map { _ in options.files.timelineLayer ?? 0 }
    let result = try simulation.run(pool, transitions: sources.transitions)
    return [
      SimulatedRun(
        system, model, batch: batch, strategy: strategy.rawValue, options.engine.choice.rawValue,
        result)
    ]
  }

  private func staged(_ system: SystemDescription, batch: Int) throws -> [SimulatedRun] {
    let schedule = BatchSchedule(
      pool, size: batch, steps: steps.all, policy: options.filling.policy)
    let gap = try options.gap.layerGap(model, batch: batch, on: system.hardware)
    let system = try system.leaving(gap)
    var simulation = StagingSimulation(
      hardware: system.hardware, model: model, format: options.configurations.weights,
      options: options.staging.options(options.choices))
    simulation.engine = options.engine.engine
    if let gap { simulation.options.gapSeconds = gap.seconds }
    let chosen = try options.forecasts.chosen()
    // The perfect forecast runs once, be it asked for or not.
    let oracle = chosen.firstIndex(of: .own(.oracle)) ?? chosen.count
    let compared = chosen + (oracle == chosen.count ? [.own(.oracle)] : [])
    let results = try simulation.run(
      pool, schedule: schedule,
      forecasts: try compared.map { try forecast($0, schedule) },
      warmSteps: steps.warm)
    let perfect = results[oracle]
    let belady = try clairvoyant(simulation, schedule) ?? perfect
    return zip(chosen, results).map { forecast, result in
      var row = SimulatedRun(
        system, model, batch: batch, strategy: SimulateStrategies.staged,
        options.engine.choice.rawValue,
        result.simulation)
      row.forecast = forecast.name
      row.staging = result.staging
      row.regret = result.regret(against: perfect)
      row.regretToBelady = result.regret(against: belady)
      return row
    }
  }

  /// The run of a perfect forecast with Belady's eviction; nil where `simulation` evicts so itself.
  private func clairvoyant(
    _ simulation: StagingSimulation, _ schedule: BatchSchedule
  ) throws -> StagingResult? {
    var clairvoyant = simulation
    clairvoyant.options.eviction = .belady
    guard clairvoyant.options != simulation.options else { return nil }
    return try clairvoyant.run(
      pool, schedule: schedule, forecast: try ForecastSources().forecast(.oracle, schedule),
      warmSteps: steps.warm)
  }
}

extension SystemDescription {
  /// The same with room for KV cache and weights beside the experts.
  fileprivate func leaving(_ gap: LayerGap?) throws -> SystemDescription {
    guard let gap else { return self }
    var system = self
    let bytes = hardware.hbmOtherBytes + gap.cacheBytes + gap.weightBytes
    try system.apply(override: "hbm_other_bytes=\(bytes)")
    return system
  }
}
