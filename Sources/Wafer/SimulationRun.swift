import Demand
import RoutingTrace

/// A simulation as it stands: one layer after the other, and the copies made on the way.
struct SimulationRun {
  private let setup: Simulation
  private let pool: RequestPool
  private let schedule: BatchSchedule
  private let placement: ExpertPlacement
  /// Nil for strategies that make none.
  private var copies: PredictedCopies?
  private var rows: [SimulationRow] = []
  private var timeline: Timeline?

  init(_ setup: Simulation, _ pool: RequestPool, _ schedule: BatchSchedule) {
    self.setup = setup
    self.pool = pool
    self.schedule = schedule
    placement = setup.homes(pool)
    guard setup.strategy.predicts else { return }
    let (model, options, fabric) = (setup.model, setup.options, setup.fabric)
    let entries = options.copyEntries.map { $0 / model.moeLayers.count } ?? .max
    let room =
      options.enforcesCapacity
      ? placement.spareSlotsPerLayer(
        modelLayers: model.moeLayers.count, expert: setup.expert,
        capacityScale: options.capacityScale, on: fabric)
      : Array(repeating: pool.shape.experts, count: fabric.dies)
    copies = PredictedCopies(
      layers: setup.layers ?? pool.shape.layers, dies: fabric.dies,
      roomPerLayer: room.map { min($0, entries) })
  }

  /// Plans and times one layer.
  ///
  /// - Parameter followers: What is known of followers, this layer among it; nil where nobody
  ///   predicts.
  mutating func layer(step: Int, layer: Int, by followers: Followers?) {
    let tokens = schedule.tokens[step]
    var holders = placement.layers[layer]
    copies?.add(to: &holders, layer: layer)
    let plan = setup.plan(
      counts: schedule.counts(step: step, layer: layer),
      chosen: { pool.chosen(by: tokens, layer: layer) }, holders: holders)
    let made = followers.flatMap { copies?.extend(with: plan, layer: layer, by: $0) } ?? []
    guard step >= setup.warmSteps else { return }
    let result = setup.engine.run(
      plan, copies: made, expert: setup.expert,
      activations: setup.activations(of: plan) { pool.chosen(by: tokens, layer: layer) },
      on: setup.fabric)
    rows.append(SimulationRow(step: step, layer: layer, result: result))
    if step == setup.warmSteps, layer == setup.timelineLayer, case .event(let engine) = setup.engine
    {
      timeline = Timeline(
        step: step, layer: layer, plan: plan,
        spans: engine.spans(plan, copies: made, expert: setup.expert, on: setup.fabric))
    }
  }

  /// What the counted steps took.
  var result: SimulationResult {
    var result = SimulationResult(
      rows: rows, tokens: (setup.steps - setup.warmSteps) * setup.batch,
      layers: setup.layers ?? pool.shape.layers, modelLayers: setup.model.moeLayers.count,
      gapSeconds: setup.gapSeconds)
    result.timeline = timeline
    return result
  }
}
