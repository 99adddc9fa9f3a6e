import Demand
import RoutingTrace
import Wafer

/// ProMoE's proactive cache (arXiv 2410.22134), and the reactive ones that it is held against, on the
/// system, model, capacity and chunks of a ``StagingSimulation``, so that both can run side by side.
///
/// ```swift
/// var setup = StagingSimulation(hardware: pcie, model: model)
/// setup.options.copyBytes = 9e9
/// let proMoE = ProactiveCacheSimulation(setup, rules: .proMoE)
/// let result = try proMoE.run(pool, schedule: schedule, forecast: forecast, warmSteps: 8)
/// print(result.report.goodPrediction, result.loadShare)
/// ```
///
/// The experts of a layer have as many places a die as ``StagingOptions/copyBytes`` holds, shared evenly
/// by the layers. Deterministic; forecasts see only what was routed.
public struct ProactiveCacheSimulation: Sendable {
  /// The system, the model, the cache's capacity (``StagingOptions/copyBytes``), chunks, and the time
  /// between layers.
  public var setup: StagingSimulation
  /// What the cache does.
  public var rules: ProactiveRules

  /// A cache of these rules.
  public init(_ setup: StagingSimulation, rules: ProactiveRules) {
    self.setup = setup
    self.rules = rules
  }

  /// Runs every layer of every scheduled step.
  ///
  /// - Parameters:
  ///   - schedule: Made from `pool`.
  ///   - forecast: Asked ``ProactiveRules/stride`` layers ahead at every gate; nil for none, as for what
  ///     is reactive.
  ///   - warmSteps: Steps at the beginning that are not counted.
  /// - Throws: ``Demand/SimulationError`` where pool, model, capacity and rules do not fit each other.
  /// - Complexity: O(chunks moved * (tasks waiting + dies)).
  public func run(
    _ pool: RequestPool, schedule: BatchSchedule, forecast: (any DemandForecast)? = nil,
    warmSteps: Int = 0
  ) throws(SimulationError) -> ProactiveResult {
    try setup.check(pool, schedule, warmSteps)
    if let problem = problem(schedule) { throw SimulationError(problem) }
    var run = start(schedule)
    var ahead = forecast.map { StrideForecast($0, schedule, stride: rules.stride) }
    var rows: [SimulationRow] = []
    var residentSeconds = 0.0
    for step in 0..<schedule.steps {
      if step == warmSteps { run.report = ProactiveReport() }
      for layer in 0..<schedule.layers {
        let target = ahead?.expect(
          step: step, layer: layer, chosen: pool.chosen(by: schedule.tokens[step], layer: layer))
        let outcome = run.layer(
          layer, counts: schedule.counts(step: step, layer: layer), expecting: target)
        run.rest(seconds: setup.options.gapSeconds)
        guard step >= warmSteps else { continue }
        var result = LayerResult(tasks: outcome.tasks, copies: 0, on: setup.fabric)
        result.seconds = outcome.seconds
        residentSeconds += outcome.residentSeconds
        rows.append(SimulationRow(step: step, layer: layer, result: result))
      }
    }
    return ProactiveResult(
      simulation: SimulationResult(
        rows: rows, tokens: (schedule.steps - warmSteps) * schedule.size,
        layers: schedule.layers, modelLayers: setup.model.moeLayers.count,
        gapSeconds: setup.options.gapSeconds),
      report: run.report, residentLayerSeconds: residentSeconds / Double(max(1, rows.count)))
  }

  /// A run at its beginning.
  func start(_ schedule: BatchSchedule) -> ProactiveRun {
    let homes = setup.homes(schedule).layers.map { holders in
      (0..<holders.experts).map { holders.home(of: $0) }
    }
    return ProactiveRun(
      rules, TransferCosts(setup), homes: homes, slots: slots(schedule), engine: engine)
  }

  /// Experts of a layer that every die keeps.
  func slots(_ schedule: BatchSchedule) -> [Int] {
    setup.copySlots(schedule).map { $0 / schedule.layers }
  }

  /// What times an expert that is there: the setup's event engine, or one of its chunks.
  private var engine: EventEngine {
    if case .event(let engine) = setup.engine { return engine }
    var engine = EventEngine()
    engine.chunkBytes = setup.options.chunkBytes
    return engine
  }

  /// What is wrong with cache and rules, in words for the user; nil for nothing.
  private func problem(_ schedule: BatchSchedule) -> String? {
    let fabric = setup.fabric
    let name = fabric.hardware.name
    guard rules.stride >= 1, rules.stride < schedule.layers else {
      return "a stride of \(rules.stride) layers: with \(schedule.layers) layers it is from 1 to"
        + " \(schedule.layers - 1)"
    }
    let homes = setup.homes(schedule)
    let isBehind = homes.layers.contains { holders in
      (0..<holders.experts).contains { holders.home(of: $0) >= fabric.dies }
    }
    guard isBehind else {
      return "all experts of \(setup.model.name) live in the HBM of \(name), so there is nothing to"
        + " bring; take a system with experts behind its dies, such as pcie-1 or cxl-1"
    }
    let modelLayers = setup.model.moeLayers.count
    let layerBytes = setup.expert.weightBytes * Double(modelLayers)
    func gigabytes(_ bytes: Double) -> String { "\((bytes / 1e8).rounded() / 10) GB" }
    guard let least = slots(schedule).min(), least > 0 else {
      return "the cache holds no expert a layer, so nothing can be computed; an expert of each of"
        + " \(modelLayers) layers takes \(gigabytes(layerBytes)) a die"
    }
    let spare = setup.spareBytes(homes).min() ?? 0
    let fitting = max(0, spare).wholeParts(of: layerBytes)
    guard !setup.options.enforcesCapacity || least <= fitting else {
      return "a cache of \(least) experts a layer takes \(gigabytes(layerBytes * Double(least))) a"
        + " die, but \(name) has \(gigabytes(max(0, spare))) of HBM left for it; at most \(fitting)"
        + " experts a layer fit"
    }
    return nil
  }
}
