import ArgumentParser
import Demand
import RoutingTrace
import Staging
import Wafer

/// The configurations of one `simulate offload`, with what all of them share.
struct OffloadRuns {
  private let options: SimulateOffload
  private let pool: RequestPool
  private let model: ModelShape
  private let steps: StepCounts
  private let stride: Int
  private let materials: ForecastMaterials
  private let layerMarkov: LayerMarkovTable?
  private let forecasts: [OffloadForecast]

  /// - Throws: `TraceError`, also where no model is named, `ModelError`, `MemoryShortage`,
  ///   `SimulationError`, ``ForecastFileError``.
  init(_ options: SimulateOffload) throws {
    self.options = options
    steps = try options.configurations.stepCounts()
    stride = options.bringing.stride ?? 1
    forecasts = try options.forecasts()
    let sources = forecasts.compactMap(\.source)
    materials = try ForecastMaterials(
      options.tokens, sources,
      usesHeatmap: sources.contains { $0.choice?.usesHeatmap ?? false }, options.heatmap,
      options.trained, horizon: stride, workers: options.workers.threads)
    pool = materials.pool
    model = try simulatedModel(
      options.configurations.model.shape, of: pool.shape, in: options.tokens.traces)
    layerMarkov =
      forecasts.contains(.layerMarkov)
      ? try LayerMarkovTable(pool, stride: stride, workers: options.workers.threads) : nil
  }

  /// Runs every policy, those that forecast once for every forecast.
  func run(
    _ system: SystemDescription, batch: Int, percent: Double, seed: UInt64
  ) throws -> [OffloadedRun] {
    guard pool.requests > 0 else {
      throw SimulationError(
        "the traces hold no \(options.tokens.stage) tokens; nothing fills a batch")
    }
    let schedule = BatchSchedule(
      pool, size: batch, steps: steps.all, policy: options.filling.policy(seed: seed))
    let gap = try options.gap.layerGap(model, batch: batch, on: system.hardware)
    let system = try system.leaving(gap)
    let slots = try slots(percent: percent, dies: system.hardware.dies)
    let setup = setup(system, slots: slots, gapSeconds: gap?.seconds)
    func row(
      _ policy: OffloadPolicy, _ forecast: OffloadForecast?, _ result: SimulationResult,
      resident: Double
    ) -> OffloadedRun {
      OffloadedRun(
        system: system, shape: model.name, policy: policy.rawValue, forecast: forecast?.name,
        source: forecast?.source.flatMap(materials.label), batch: batch,
        capacityPercent: percent, slots: slots, seed: options.filling.draws ? seed : nil,
        simulation: result, residentLayerSeconds: resident)
    }
    func proactive(
      _ policy: OffloadPolicy, _ rules: ProactiveRules, _ forecast: OffloadForecast?
    ) throws -> OffloadedRun {
      let result = try ProactiveCacheSimulation(setup, rules: rules).run(
        pool, schedule: schedule, forecast: try forecast.map { try made($0, schedule) },
        warmSteps: steps.warm)
      var row = row(
        policy, forecast, result.simulation, resident: result.residentLayerSeconds)
      row.proactive = result.report
      row.hitRate = result.report.hitRate
      row.bytesMoved = result.report.bytesMoved
      return row
    }
    // What everybody is held against, asked for or not.
    let onDemand = try proactive(.onDemand, .onDemand, nil)
    let leastRecent = try proactive(.leastRecent, .leastRecent, nil)
    var rows = try options.configurations.policies().flatMap { policy -> [OffloadedRun] in
      switch policy {
      case .onDemand: return [onDemand]
      case .leastRecent: return [leastRecent]
      case .promoe: return try forecasts.map { try proactive(policy, rules, $0) }
      case .staged:
        let results = try setup.run(
          pool, schedule: schedule, forecasts: try forecasts.map { try made($0, schedule) },
          warmSteps: steps.warm)
        return zip(forecasts, results).map { forecast, result in
          var row = row(
            policy, forecast, result.simulation, resident: onDemand.residentLayerSeconds)
          row.staging = result.staging
          row.hitRate = result.staging.coverage
          return row
        }
      }
    }
    for index in rows.indices {
      let own = rows[index].simulation.tokensPerSecond
      rows[index].overOnDemand = own / onDemand.simulation.tokensPerSecond
      rows[index].overLeastRecent = own / leastRecent.simulation.tokensPerSecond
    }
    return rows
  }

  /// ProMoE's rules, less what the options leave out.
  private var rules: ProactiveRules {
    var rules = ProactiveRules.proMoE
    rules.stride = stride
    rules.asksAtGate = !options.bringing.askLate
    rules.reorders = !options.bringing.inOrder
    return rules
  }

  /// Experts of a layer that a die keeps.
  private func slots(percent: Double, dies: Int) throws -> Int {
    let slots = Int((percent / 100 * Double(model.experts) / Double(dies)).rounded(.down))
    guard slots > 0 else {
      let least = 100 * Double(dies) / Double(model.experts)
      throw SimulationError(
        "--capacity \(percent): of \(model.experts) experts a layer that is not one for each of"
          + " \(dies) dies; give at least \((least * 100).rounded(.up) / 100)")
    }
    return slots
  }

  private func setup(
    _ system: SystemDescription, slots: Int, gapSeconds: Double?
  ) -> StagingSimulation {
    let format = options.configurations.model.weights ?? .bf16
    var setup = StagingSimulation(hardware: system.hardware, model: model, format: format)
    setup.options.copyBytes =
      Double(slots * model.moeLayers.count) * setup.expert.weightBytes
    setup.options.horizon = stride
    setup.options.gapSeconds = gapSeconds ?? options.bringing.gapSeconds ?? 0
    var engine = EventEngine()
    engine.chunkBytes = options.bringing.chunkBytes
    setup.engine = .event(engine)
    return setup
  }

  private func made(
    _ forecast: OffloadForecast, _ schedule: BatchSchedule
  ) throws -> any DemandForecast {
    if let source = forecast.source { return try materials.forecast(source, schedule) }
    guard let layerMarkov else { throw SimulationError("the layer-Markov table was not made") }
    return layerMarkov.forecast(schedule)
  }
}
