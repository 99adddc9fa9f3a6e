import Demand
import RoutingTrace
import Testing
import WaferSamples

@testable import Wafer

/// Placements from anywhere, by hand: three dies in a row, two layers of top-1 of three experts.
struct ExpertPlacementTests {
  private let model = ModelShape(
    name: "by hand", layers: 2, moeLayers: 0..<2, experts: 3, sharedExperts: 0, topK: 1,
    hidden: 1000, intermediate: 1000)

  private var hardware: Hardware {
    var hardware = Hardware()
    (hardware.columns, hardware.rows) = (3, 1)
    return hardware
  }

  /// Layer 0: expert 0 on die 2, expert 1 on die 0 and copied to die 1, expert 2 on die 1. Layer 1:
  /// every expert on the die of its number, expert 2 on die 0 too.
  private let placement = ExpertPlacement(layers: [
    Holders([[2], [0, 1], [1]]), Holders([[0], [1], [2, 0]]),
  ])

  /// Four requests of one token each: experts 0, 0, 1, 2 in layer 0, and 2, 2, 0, 1 in layer 1.
  private func pool() throws -> RequestPool {
    var pool = RequestPool(shape: try model.traceShape())
    for request: [UInt16] in [[0, 2], [0, 2], [1, 0], [2, 1]] { pool.add(request) }
    return pool
  }

  private func simulation(_ strategy: Strategy) -> Simulation {
    var simulation = Simulation(
      hardware: hardware, model: model, batch: 4, steps: 1, strategy: strategy)
    simulation.placement = placement
    simulation.options.blockSize = 1
    return simulation
  }

  /// Base deals requests to dies 0, 1, 2, 0 in the order of their experts.
  @Test func hopsAndReadsByHand() throws {
    let result = try simulation(.base).run(try pool(), transitions: nil)
    // Expert 0 goes to dies 0 and 1 from die 2, 2 hops and 1; expert 1 to die 2 from its home, 2
    // hops; expert 2 to die 0 from die 1.
    let first = result.rows[0].result
    #expect(first.tasks == 4 && first.hops == 6 && first.requestHops == 6)
    #expect(first.localReads == 0 && first.remoteReads == 4)
    // Experts 0 and 1 on dies 0 and 1, expert 2 on dies 2 and 0: all of them there.
    let second = result.rows[1].result
    #expect(second.tasks == 4 && second.hops == 0)
    #expect(second.localReads == 4 && second.remoteReads == 0)
    // The link from die 1 to die 0 carries experts 0 and 2, 6 MB each.
    #expect(abs(first.linkSeconds - 2 * 6e6 / hardware.linkBandwidth) < 1e-15)
    #expect(second.linkSeconds == 0)
  }

  @Test func expertParallelComputesAtHomesByLayer() throws {
    let simulation = simulation(.expertParallel)
    func plan(_ layer: Int, _ counts: [Int]) -> [ExpertTask] {
      simulation.plan(counts: counts, chosen: { [] }, holders: placement.layers[layer])
    }
    #expect(
      plan(0, [2, 1, 1]) == [
        ExpertTask(expert: 0, die: 2, requests: 2, source: 2),
        ExpertTask(expert: 1, die: 0, requests: 1, source: 0),
        ExpertTask(expert: 2, die: 1, requests: 1, source: 1),
      ])
    #expect(plan(1, [0, 0, 2]) == [ExpertTask(expert: 2, die: 2, requests: 2, source: 2)])
  }

  /// A placement by the rule is the rule, for every strategy, to the last bit.
  @Test(arguments: Strategy.allCases, HomePlacement.allCases)
  func aRuleAsPlacementIsTheRule(strategy: Strategy, rule: HomePlacement) throws {
    let pool = try Samples.pool()
    let transitions = try TransitionCounts(of: pool)
    var simulation = Simulation(
      hardware: Samples.hardware, model: Samples.model, batch: 50, steps: 3, strategy: strategy)
    simulation.options.placement = rule
    let byRule = try simulation.run(pool, transitions: transitions)
    simulation.options.placement = .contiguous
    simulation.placement = ExpertPlacement(
      rule, layers: 3, experts: 12, on: simulation.fabric)
    #expect(try simulation.run(pool, transitions: transitions) == byRule)
  }

  /// What lies on a die leaves so much less room for copies.
  @Test func placedExpertsTakeRoom() {
    let fabric = Fabric(hardware)
    let expert = ExpertCost(
      weightBytes: hardware.usableHBM / 20, flopsPerRequest: 1, activationBytesPerRequest: 0)
    // Of 20 experts a die and 2 layers: die 0 holds 3 experts, dies 1 and 2 hold 3 and 2.
    #expect(
      placement.spareSlotsPerLayer(
        modelLayers: 2, expert: expert, capacityScale: 1, on: fabric) == [8, 8, 9])
  }

  @Test(arguments: [
    ([[[0], [1], [2]]], "the placement covers 1 of 2 simulated layers"),
    ([[[0], [1], [2]], [[0], [1]]], "the placement of layer 1 covers 2 of 3 experts"),
    ([[[0], [], [2]], [[0], [1], [2]]], "layer 0, expert 1 names no node; give it a home"),
    ([[[0], [1], [2]], [[0], [1], [3]]], "expert 2 names node 3, but custom has nodes 0"),
    ([[[0], [1], [2, -1]], [[0], [1], [2]]], "layer 0, expert 2 names node -1"),
    ([[[0], [1, 1], [2]], [[0], [1], [2]]], "layer 0, expert 1 names a node twice"),
  ]) func impossiblePlacementsAreNamed(nodes: [[[Int]]], problem: String) throws {
    var simulation = simulation(.base)
    simulation.placement = ExpertPlacement(layers: nodes.map(Holders.init))
    let pool = try pool()
    let error = #expect(throws: SimulationError.self) {
      try simulation.run(pool, transitions: nil)
    }
    #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
  }
}
