import RoutingTrace
import Testing
import WaferSamples

@testable import Demand
@testable import Staging
@testable import Wafer

/// Laws of proactive caches on systems, batches, capacities and rules drawn at random.
struct ProactiveLawsTests {
  /// A configuration drawn by a seed.
  fileprivate struct Drawn {
    let pool: RequestPool
    let schedule: BatchSchedule
    let setup: StagingSimulation
    let stride: Int

    /// - Parameter dies: nil for one to four.
    init(seed: UInt64, dies: Int? = nil) throws {
      var random = SeededGenerator(seed: seed)
      func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &random)]
      }
      pool = try Samples.pool()
      var hardware = Hardware()
      hardware.topology = pick([.mesh, .ring, .switch])
      hardware.columns = dies ?? Int.random(in: 1...4, using: &random)
      hardware.rows = 1
      hardware.computeFlops = pick([1e12, 100e12, 989e12])
      hardware.hbmBandwidth = pick([1e11, 3.35e12])
      hardware.expertHome = pick([.host, .host, .hbm])
      hardware.hostBandwidth = pick([50e9, 200e9, 1e15])
      hardware.hostLinkBandwidth = pick([14e9, 55e9, 400e9])
      hardware.hostLinkLatency = pick([0, 1e-6, 50e-6])
      if hardware.expertHome == .hbm || Bool.random(using: &random) {
        // Of each layer's twelve experts of 6 MB, some are on the dies or the host and the rest behind.
        hardware.hostCapacity = 6e6 * 3 * Double(pick([3, 8]))
        (hardware.hbmCapacity, hardware.hbmHomeFraction) = (300e6, 0.14)
        var tier = MemoryTier("ssd")
        (tier.capacity, tier.bandwidth, tier.latency) = (4e12, pick([5e9, 14e9]), 50e-6)
        tier.linkBandwidth = 14e9
        hardware.tiers = [tier]
      }
      var setup = StagingSimulation(hardware: hardware, model: Samples.model)
      var engine = EventEngine()
      engine.chunkBytes = pick([1e6, 2.5e6, 6e6])
      setup.engine = .event(engine)
      setup.options.gapSeconds = pick([0, 20e-6, 500e-6])
      setup.options.copyBytes = Double(Int.random(in: 1...8, using: &random)) * 3 * 6e6
      self.setup = setup
      schedule = BatchSchedule(
        pool, size: pick([1, 1, 2, 7]), steps: 12, policy: .continuous(seed: seed))
      stride = pick([1, 1, 2])
    }

    func forecasts() throws -> [(any DemandForecast)?] {
      [
        nil, NoForecast(experts: 12), PersistenceForecast(layers: 3, experts: 12),
        try LayerMarkovTable(pool, stride: stride).forecast(schedule),
        TableForecast(schedule, try MixtureTables(pool, horizon: 2)),
        ShuffledForecast(
          HeatmapForecast(try TransitionCounts(of: pool)), experts: 12, seed: 1),
        OracleForecast(schedule),
      ]
    }

    func proMoE(_ change: (inout ProactiveRules) -> Void = { _ in }) -> ProactiveCacheSimulation {
      var rules = ProactiveRules.proMoE
      rules.stride = stride
      change(&rules)
      return ProactiveCacheSimulation(setup, rules: rules)
    }

    /// Runs every turn, and shows each what happened in it and how the run stands.
    func turns(
      _ simulation: ProactiveCacheSimulation, _ forecast: (any DemandForecast)?,
      _ check: (_ turn: Turn, _ outcome: ProactiveRun.Outcome, ProactiveRun) throws -> Void
    ) rethrows {
      var run = simulation.start(schedule)
      var ahead = forecast.map {
        StrideForecast($0, schedule, stride: simulation.rules.stride)
      }
      for step in 0..<schedule.steps {
        for layer in 0..<3 {
          run.record = []
          let target = ahead?.expect(
            step: step, layer: layer,
            chosen: pool.chosen(by: schedule.tokens[step], layer: layer))
          let outcome = run.layer(
            layer, counts: schedule.counts(step: step, layer: layer), expecting: target)
          run.rest(seconds: setup.options.gapSeconds)
          try check(Turn(step: step, layer: layer, layers: 3), outcome, run)
        }
      }
    }
  }

  /// Every expert asked for is computed once in its turn, on its die; no layer has more experts than
  /// places; no expert more chunks than it has; everything moved came by an event.
  @Test(arguments: 0..<40) func everyExpertIsComputedOnceWithinTheCapacity(seed: Int) throws {
    let drawn = try Drawn(seed: UInt64(seed))
    let rules = [
      drawn.proMoE(), drawn.proMoE { $0.asksAtGate = false }, drawn.proMoE { $0.reorders = false },
      drawn.proMoE { ($0.asksAtGate, $0.reorders, $0.keeps) = (false, false, false) },
    ]
    for simulation in rules {
      for forecast in try drawn.forecasts() {
        var moved = 0.0
        var reads = 0
        drawn.turns(simulation, forecast) { turn, outcome, run in
          let counts = drawn.schedule.counts(step: turn.step, layer: turn.layer)
          let asked = counts.indices.filter { counts[$0] > 0 }
          let computed = (run.record ?? []).compactMap {
            if case .computed(let key, _) = $0 { key } else { nil }
          }
          #expect(computed.map(\.expert).sorted() == asked)
          #expect(computed.allSatisfy { $0.layer == turn.layer })
          #expect(outcome.tasks.reduce(0) { $0 + Int($1.requests) } == counts.reduce(0, +))
          for die in run.dies {
            #expect(die.caches.allSatisfy { $0.entries.count <= $0.slots })
            for entry in die.caches.flatMap(\.entries) {
              #expect(entry.ready <= entry.asked && entry.asked <= die.caches[0].chunks)
            }
            #expect(die.flights.count <= ProactiveRun.window)
          }
          reads += asked.count
          let came = (run.record ?? []).count { if case .came = $0 { true } else { false } }
          moved += Double(came) * TransferCosts(drawn.setup).chunkBytes
          #expect(abs(run.report.bytesMoved - moved) < 1e-3)
          #expect(run.report.reads == reads)
          #expect(run.report.right <= run.report.forecasts)
          #expect(run.report.inTime <= run.report.forecasts)
          #expect(run.report.bytesWasted <= moved)
        }
        #expect(moved > 0)
      }
    }
  }

  /// On one die a layer is never longer than on demand by more than the chunks on their way, whatever
  /// is forecast.
  @Test(arguments: 0..<40) func neverSlowerThanOnDemandByMoreThanTheChunksOnTheirWay(
    seed: Int
  ) throws {
    let drawn = try Drawn(seed: UInt64(seed), dies: 1)
    let costs = TransferCosts(drawn.setup)
    let slowest =
      (0..<costs.fabric.nodes).map { source in
        var ways = ChunkWays(costs)
        return ways.arrival(from: source, to: 0, askedAt: 0)
      }.max() ?? 0
    var onDemand: [Double] = []
    drawn.turns(ProactiveCacheSimulation(drawn.setup, rules: .onDemand), nil) { _, outcome, _ in
      onDemand.append(outcome.seconds)
    }
    for forecast in try drawn.forecasts() {
      drawn.turns(drawn.proMoE(), forecast) { turn, outcome, _ in
        let bound = onDemand[turn.number] + Double(ProactiveRun.window) * slowest
        #expect(
          outcome.seconds <= bound * (1 + 1e-9),
          "turn \(turn.number): \(outcome.seconds) over \(onDemand[turn.number])")
        #expect(outcome.seconds >= outcome.residentSeconds * (1 - 1e-9))
      }
    }
  }

  /// Who knows what comes, and has the bandwidth and the room, waits for nothing once the first layers
  /// have run.
  @Test(arguments: 0..<20) func aPerfectForecastWithEnoughBandwidthHidesAll(seed: Int) throws {
    var drawn = try Drawn(seed: UInt64(seed))
    var setup = drawn.setup
    var hardware = setup.fabric.hardware
    (hardware.expertHome, hardware.tiers) = (.host, [])
    (hardware.hostCapacity, hardware.hostBandwidth, hardware.hostLinkBandwidth) = (2e12, 1e15, 1e15)
    hardware.hbmCapacity = 80e9
    setup = StagingSimulation(hardware: hardware, model: Samples.model)
    setup.engine = drawn.setup.engine
    setup.options.copyBytes = 12 * 3 * 6e6
    setup.options.gapSeconds = 20e-3
    drawn = Drawn(drawn, setup)
    drawn.turns(drawn.proMoE(), OracleForecast(drawn.schedule)) { turn, outcome, _ in
      guard turn.number >= drawn.stride else { return }
      #expect(outcome.seconds <= outcome.residentSeconds * (1 + 1e-9))
    }
    let result = try drawn.proMoE().run(
      drawn.pool, schedule: drawn.schedule, forecast: OracleForecast(drawn.schedule), warmSteps: 1)
    #expect(result.report.hitRate == 1 && result.loadShare < 1e-9)
    #expect(result.report.goodPrediction == 1)
  }

  /// Two runs are the same.
  @Test(arguments: 0..<10) func runsAreTheSame(seed: Int) throws {
    let drawn = try Drawn(seed: UInt64(seed))
    for forecast in try drawn.forecasts() {
      let results = try (0..<2).map { _ in
        try drawn.proMoE().run(
          drawn.pool, schedule: drawn.schedule, forecast: forecast, warmSteps: 3)
      }
      #expect(results[0] == results[1])
    }
  }
}

extension ProactiveLawsTests.Drawn {
  /// The same on another system.
  fileprivate init(_ other: Self, _ setup: StagingSimulation) {
    (pool, schedule, self.setup, stride) = (other.pool, other.schedule, setup, other.stride)
  }
}
