import Demand
import RoutingTrace
import Testing
import WaferSamples

@testable import Wafer

/// Laws that hold whatever the strategy, the rule and the system.
struct ConservationTests {
  static let systems = Samples.systems

  private func simulation(_ system: String, _ strategy: Strategy, batch: Int = 200) throws
    -> Simulation
  {
    Simulation(
      hardware: try #require(try Hardware.shipped(system)), model: Samples.model, batch: batch,
      steps: 3, strategy: strategy)
  }

  /// Calls `body` with every plan and its copies.
  private func forEachPlan(
    _ simulation: Simulation, _ body: ([ExpertTask], [ExpertCopy]) throws -> Void
  ) throws {
    let pool = try Samples.pool()
    let placement = ExpertPlacement(
      .contiguous, layers: 3, experts: 12, on: simulation.fabric)
    var copies = PredictedCopies(
      layers: 3, dies: simulation.fabric.dies,
      roomPerLayer: Array(repeating: 3, count: simulation.fabric.dies))
    let followers = Followers(
      FollowerTable(try TransitionCounts(of: pool), width: 4),
      BatchSchedule(pool, size: simulation.batch, steps: 3), width: 4)
    for step in 0..<3 {
      let tokens = pool.batch(size: simulation.batch, step: step)
      for layer in 0..<3 {
        var holders = placement.layers[layer]
        if simulation.strategy.predicts { copies.add(to: &holders, layer: layer) }
        let chosen = pool.chosen(by: tokens, layer: layer)
        let plan = simulation.plan(
          counts: (0..<12).map { expert in chosen.count { Int($0) == expert } },
          chosen: { chosen }, holders: holders)
        let made =
          simulation.strategy.predicts
          ? copies.extend(with: plan, layer: layer, by: followers) : []
        try body(plan, made)
      }
    }
  }

  @Test(arguments: systems, Strategy.allCases)
  func everyRequestIsServedOnce(system: String, strategy: Strategy) throws {
    for rule in BaseRule.allCases {
      var simulation = try simulation(system, strategy)
      simulation.options.baseRule = rule
      simulation.options.blockSize = 7
      try forEachPlan(simulation) { plan, _ in
        #expect(plan.reduce(0) { $0 + Int($1.requests) } == 200 * 2)
        #expect(Set(plan.map { [$0.expert, $0.die] }).count == plan.count)
        #expect(plan.allSatisfy { $0.requests > 0 && $0.die < simulation.fabric.dies })
      }
    }
  }

  @Test(arguments: systems, Strategy.allCases)
  func bytesMovedAreTasksTimesWeights(system: String, strategy: Strategy) throws {
    let simulation = try simulation(system, strategy)
    let fabric = simulation.fabric
    try forEachPlan(simulation) { plan, copies in
      var event = EventEngine()
      event.usesLLC = false
      let run = EventRun(event, plan, copies: copies, expert: simulation.expert, on: fabric)
      var result = LayerResult(tasks: plan, copies: copies.count, on: fabric)
      var nothing = NoBackgroundTraffic()
      var record = NoTimelineRecord()
      run.simulate(spacing: 1e-6, into: &result, beside: &nothing, noting: &record)
      #expect(result.llcMisses == plan.count * run.chunks)
      #expect(result.events == run.chunks * (3 * plan.count + result.hops))
      let crossed = result.meanLinkSeconds * Double(fabric.links)
      let expected = plan.reduce(0.0) { sum, task in
        sum
          + fabric.way(from: Int(task.source), to: Int(task.die)).reduce(0) {
            $0 + simulation.expert.weightBytes / fabric.linkBandwidth[Int($1)]
          }
      }
      #expect(abs(crossed - expected) <= 1e-9 * max(expected, 1e-9))
    }
  }

  @Test(arguments: systems, Strategy.allCases)
  func boundIsALowerBoundAndNothingIsBusierThanTime(system: String, strategy: Strategy) throws {
    let simulation = try simulation(system, strategy)
    try forEachPlan(simulation) { plan, copies in
      for order in EventEngine.Order.allCases {
        var event = EventEngine()
        event.usesLLC = false
        (event.order, event.chunkBytes, event.windowBytes) = (order, 1e6, 4e6)
        let timed = event.run(
          plan, copies: copies, expert: simulation.expert, on: simulation.fabric)
        let busiest = max(timed.computeSeconds, timed.linkSeconds)
        #expect(busiest <= timed.seconds)
        let bound = BoundEngine().run(
          plan, copies: copies, expert: simulation.expert, on: simulation.fabric)
        let busy = max(bound.computeSeconds, bound.memorySeconds, bound.linkSeconds)
        #expect(busy <= timed.seconds * (1 + 1e-12))
      }
    }
  }

  @Test(arguments: Strategy.allCases) func twoRunsAreEqual(strategy: Strategy) throws {
    let pool = try Samples.pool()
    let transitions = try TransitionCounts(of: pool)
    var simulation = try simulation("sow", strategy)
    for engine in [Engine.bound(BoundEngine()), .event(EventEngine())] {
      simulation.engine = engine
      let first = try simulation.run(pool, transitions: transitions)
      #expect(first == (try simulation.run(pool, transitions: transitions)))
      #expect(first.rows.count == 9 && first.meanLayerSeconds > 0)
    }
  }

  @Test func copiesStayWithinTheirRoom() throws {
    let pool = try Samples.pool()
    var simulation = try simulation("dojo", .prediction)
    simulation.options.capacityScale = 0
    let transitions = try TransitionCounts(of: pool)
    let none = try simulation.run(pool, transitions: transitions)
    #expect(none.mean(\.copies) == 0)
    simulation.options.enforcesCapacity = false
    let free = try simulation.run(pool, transitions: transitions)
    #expect(free.mean(\.copies) > 0)
    #expect(free.mean(\.remoteReads) < none.mean(\.remoteReads))
  }
}
