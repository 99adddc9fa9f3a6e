import Demand
import RoutingTrace

/// A simulation as it stands: one layer after the other, and the copies made on the way.
package struct SimulationRun {
  private let setup: Simulation
  private let placement: ExpertPlacement
  /// Nil for strategies that make none.
  private var copies: PredictedCopies?
  /// What the layer asked for held, once it has run.
  private(set) var timeline: Timeline?

  /// - Parameters:
  ///   - layers: MoE layers of the traces.
  ///   - experts: Experts of a layer.
  package init(_ setup: Simulation, layers: Int, experts: Int) {
    self.setup = setup
    placement = setup.homes(layers: layers, experts: experts)
    guard setup.strategy.predicts else { return }
    let (model, options, fabric) = (setup.model, setup.options, setup.fabric)
    let entries = options.copyEntries.map { $0 / model.moeLayers.count } ?? .max
    let room =
      options.enforcesCapacity
      ? placement.spareSlotsPerLayer(
        modelLayers: model.moeLayers.count, expert: setup.expert,
        capacityScale: options.capacityScale, on: fabric)
      : Array(repeating: experts, count: fabric.dies)
    copies = PredictedCopies(
      layers: setup.layers ?? layers, dies: fabric.dies,
      roomPerLayer: room.map { min($0, entries) })
  }

  /// Plans and times one layer.
  ///
  /// - Parameters:
  ///   - counts: Requests of every expert.
  ///   - chosen: The experts of every slot; asked for where they matter.
  ///   - followers: What is known of followers, this layer among it; nil where nobody predicts.
  /// - Returns: nil in a step that only warms up.
  package mutating func layer(
    step: Int, layer: Int, counts: [Int], chosen: () -> [UInt16], by followers: Followers?
  ) -> LayerResult? {
    var holders = placement.layers[layer]
    copies?.add(to: &holders, layer: layer)
    let plan = setup.plan(counts: counts, chosen: chosen, holders: holders)
    let made = followers.flatMap { copies?.extend(with: plan, layer: layer, by: $0) } ?? []
    guard step >= setup.warmSteps else { return nil }
    let result = setup.engine.run(
      plan, copies: made, expert: setup.expert,
      activations: setup.activations(of: plan, chosen: chosen), on: setup.fabric)
    if step == setup.warmSteps, layer == setup.timelineLayer, case .event(let engine) = setup.engine
    {
      timeline = Timeline(
        step: step, layer: layer, plan: plan,
        spans: engine.spans(plan, copies: made, expert: setup.expert, on: setup.fabric))
    }
    return result
  }
}
