import ArgumentParser
import Demand
import Placement
import RoutingTrace
import Staging
import Wafer

/// The configurations of one `simulate strategies`, with what all of them share.
struct StrategyRuns {
  private let options: SimulateStrategies
  private let pool: RequestPool
  private let model: ModelShape
  private let steps: StepCounts
  private let format: WeightFormat
  /// What forecasts are made from.
  private let materials: ForecastMaterials
  /// Where experts lie, if a file says.
  private let placement: PlacementFile?

  /// - Throws: `TraceError`, also where no model is named, `ModelError`, `MemoryShortage`,
  ///   `SimulationError`, `HardwareError`, `PlacementError`, ``ForecastFileError``.
  init(_ options: SimulateStrategies) throws {
    self.options = options
    steps = try options.steps()
    format = options.configurations.model.weights ?? options.choices.paper?.format ?? .bf16
    placement = try options.choices.placement?.path.map { try PlacementFile(file: $0) }
    let materials = try ForecastMaterials(
      options.tokens, try options.stagedForecasts(), usesHeatmap: try options.usesHeatmap(),
      options.heatmap, options.trained, horizon: options.staging.options(options.choices).horizon,
      workers: options.workers.threads)
    self.materials = materials
    pool = materials.pool
    // What files tell of is known once they are read.
    let sources = try options.stagedForecasts()
    try options.staging.checkHorizon(
      sources.map { ($0.name, materials.longestHorizon(of: $0) ?? $0.layersAhead) })
    model = try simulatedModel(
      options.configurations.model.shape, of: pool.shape, in: options.tokens.traces)
  }

  /// Runs one strategy; the staging engine once for every forecast.
  func run(
    _ strategy: String, _ system: SystemDescription, batch: Int, seed: UInt64
  ) throws -> [SimulatedRun] {
    guard let strategy = Strategy(rawValue: strategy) else {
      return try staged(system, batch: batch, seed: seed)
    }
    let gap = try options.gap.layerGap(model, batch: batch, on: system.hardware)
    let system = try system.leaving(gap)
    var simulation = Simulation(
      hardware: system.hardware, model: model, format: format, batch: batch,
      steps: steps.all, strategy: strategy)
    simulation.warmSteps = steps.warm
    simulation.layers = options.configurations.layers
    simulation.gapSeconds = gap?.seconds ?? options.staging.gapSeconds ?? 0
    simulation.batching = options.filling.policy(seed: seed)
    simulation.options = options.choices.options
    simulation.options.activations = options.activations.options
    simulation.engine = options.engine.engine
    simulation.timelineLayer = options.files.timeline.map { _ in options.files.timelineLayer ?? 0 }
    simulation.placement = try homes(on: simulation.fabric)
    let schedule = try schedule(batch, seed)
    let result = try simulation.run(
      pool, transitions: materials.sources.transitions, schedule: schedule)
    var row = row(strategy.rawValue, system, schedule, seed, result)
    row.source = strategy.predicts ? materials.heatmapLabel : nil
    return [row]
  }

  /// Where experts lie on a system; nil for homes by the rule.
  private func homes(on fabric: Fabric) throws -> ExpertPlacement? {
    try placement?.placement(
      modelLayers: pool.shape.modelLayers, experts: pool.shape.experts, on: fabric)
  }

  /// What fills batches of one size.
  private func schedule(_ batch: Int, _ seed: UInt64) throws -> BatchSchedule {
    let layers = options.configurations.layers ?? pool.shape.layers
    guard (1...pool.shape.layers).contains(layers), pool.requests > 0 else {
      guard pool.requests > 0 else {
        throw SimulationError(
          "the traces hold no \(options.tokens.stage) tokens; nothing fills a batch")
      }
      throw ValidationError(
        "--layers: the traces have \(pool.shape.layers) MoE layers, not \(layers)")
    }
    return BatchSchedule(
      pool, size: batch, steps: steps.all, policy: options.filling.policy(seed: seed),
      layers: layers)
  }

  private func row(
    _ strategy: String, _ system: SystemDescription, _ schedule: BatchSchedule, _ seed: UInt64,
    _ result: SimulationResult
  ) -> SimulatedRun {
    var row = SimulatedRun(
      system, model, batch: schedule.size, strategy: strategy, options.engine.choice.rawValue,
      result)
    row.seed = options.filling.draws ? seed : nil
    row.poolRequests = pool.requests
    row.poolRequestsUsed = schedule.requests(of: pool, from: steps.warm)
    return row
  }

  private func staged(
    _ system: SystemDescription, batch: Int, seed: UInt64
  ) throws -> [SimulatedRun] {
    let schedule = try schedule(batch, seed)
    let gap = try options.gap.layerGap(model, batch: batch, on: system.hardware)
    let system = try system.leaving(gap)
    var simulation = StagingSimulation(
      hardware: system.hardware, model: model, format: format,
      options: options.staging.options(options.choices))
    simulation.engine = options.engine.engine
    if let gap { simulation.options.gapSeconds = gap.seconds }
    simulation.placement = try homes(on: simulation.fabric)
    let chosen = try options.forecasts.chosen()
    let comparison = try simulation.compare(
      pool, schedule: schedule, forecasts: try chosen.map { try materials.forecast($0, schedule) },
      warmSteps: steps.warm)
    return chosen.indices.map { index in
      let result = comparison.results[index]
      var row = row(SimulateStrategies.staged, system, schedule, seed, result.simulation)
      row.forecast = chosen[index].name
      row.source = materials.label(of: chosen[index])
      row.staging = result.staging
      row.overPersistence = comparison.overPersistence(of: index)
      row.regret = comparison.regret(of: index)
      row.regretToBelady = comparison.regretToBelady(of: index)
      return row
    }
  }
}

extension SystemDescription {
  /// The same with room for KV cache and weights beside the experts.
  func leaving(_ gap: LayerGap?) throws -> SystemDescription {
    guard let gap else { return self }
    var system = self
    let bytes = hardware.hbmOtherBytes + gap.cacheBytes + gap.weightBytes
    try system.apply(override: "hbm_other_bytes=\(bytes)")
    return system
  }
}
