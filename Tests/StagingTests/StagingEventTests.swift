import RoutingTrace
import Testing
import WaferSamples

@testable import Demand
@testable import Staging
@testable import Wafer

/// Staged runs whose layers the event engine executes.
struct StagingEventTests {
  private let pool: RequestPool
  private let transitions: TransitionCounts

  init() throws {
    pool = try Samples.pool()
    transitions = try TransitionCounts(of: pool)
  }

  private var options: StagingOptions {
    var options = StagingOptions()
    options.copyBytes = 3 * 6e6
    options.bufferBytes = 12e6
    options.gapSeconds = 5e-6
    options.allocation.blockSize = 10
    return options
  }

  private func simulation(_ system: String, _ options: StagingOptions, llc: Bool = true) throws
    -> StagingSimulation
  {
    var simulation = StagingSimulation(
      hardware: try #require(try Hardware.shipped(system)), model: Samples.model, options: options)
    var engine = EventEngine()
    (engine.chunkBytes, engine.windowBytes, engine.usesLLC) = (1e6, 8e6, llc)
    engine.order = .rotated
    simulation.engine = .event(engine)
    return simulation
  }

  private func schedule(batch: Int = 60, steps: Int = 12) -> BatchSchedule {
    BatchSchedule(pool, size: batch, steps: steps, policy: .replay(stride: 2, period: 8))
  }

  private func forecasts(_ schedule: BatchSchedule) -> [any DemandForecast] {
    [
      NoForecast(experts: 12), FrequencyForecast(layers: 3, experts: 12),
      HeatmapForecast(transitions), OracleForecast(schedule),
      ShuffledForecast(HeatmapForecast(transitions), experts: 12, seed: 1),
    ]
  }

  /// Without a forecast a layer is what the plain event engine makes of the same plan and the same
  /// copies, to the last bit.
  @Test(arguments: Samples.systems, EvictionPolicy.allCases)
  func noForecastIsThePlainEngine(system: String, eviction: EvictionPolicy) throws {
    var options = options
    options.eviction = eviction
    let simulation = try simulation(system, options)
    guard case .event(let engine) = simulation.engine else { return }
    let schedule = schedule()
    var run = StagingRun(simulation, schedule: schedule, certainty: .nothing)
    var plans = PlanBook(simulation)
    for step in 0..<schedule.steps {
      for layer in 0..<3 {
        let staged = run.layer(
          step: step, layer: layer,
          counts: schedule.counts(step: step, layer: layer),
          expecting: LayerExpectation(
            NoForecast(experts: 12), layer: layer, horizon: options.horizon, layers: 3),
          sharing: &plans)
        let plain = engine.run(
          run.last.plan, copies: run.last.fills, expert: simulation.expert, on: simulation.fabric)
        #expect(staged == plain)
      }
    }
  }

  /// Reads are counted once, bytes too, and two runs are the same.
  @Test(arguments: ["sow", "pcie-1", "nvlink-8"], EvictionPolicy.allCases)
  func everyReadAndByteIsCountedOnce(system: String, eviction: EvictionPolicy) throws {
    var options = options
    options.eviction = eviction
    options.horizon = 2
    let schedule = schedule()
    for (engine, holdsBack) in [(true, true), (true, false), (false, true), (false, false)] {
      options.holdsBack = holdsBack
      var simulation = try simulation(system, options)
      if !engine { simulation.engine = .bound(BoundEngine()) }
      simulation.options.chunkBytes = 1e6
      let results = try simulation.run(
        pool, schedule: schedule, forecasts: forecasts(schedule))
      for (index, result) in results.enumerated() {
        let report = result.staging
        #expect(report.reads == result.simulation.rows.reduce(0) { $0 + $1.result.tasks })
        #expect(abs(report.bytesUsed + report.bytesWasted - report.bytesMoved) < 1)
        #expect(report.stagedLate > 0 || report.lateSeconds == 0)
        let alone = try simulation.run(
          pool, schedule: schedule, forecast: forecasts(schedule)[index])
        #expect(alone == result, "side by side as alone")
      }
      #expect(results[0].staging.bytesMoved == 0)
    }
  }

  /// No resource is busier with demand than the layer is long, transfers or not; what weighs on
  /// memory in the bound engine's formula, all but activations and what was brought, fits too.
  @Test(arguments: Samples.systems)
  func boundIsALowerBound(system: String) throws {
    let simulation = try simulation(system, options, llc: false)
    let schedule = schedule(batch: 400)
    let bare = ExpertCost(
      weightBytes: simulation.expert.weightBytes,
      flopsPerRequest: simulation.expert.flopsPerRequest, activationBytesPerRequest: 0)
    for forecast in forecasts(schedule) {
      var forecast = forecast
      var run = StagingRun(simulation, schedule: schedule, certainty: forecast.certainty)
      var plans = PlanBook(simulation)
      for step in 0..<schedule.steps {
        for layer in 0..<3 {
          let moved = run.accounts.report.bytesMoved
          forecast.observe(
            step: step, layer: layer, chosen: pool.chosen(by: schedule.tokens[step], layer: layer))
          let staged = run.layer(
            step: step, layer: layer,
            counts: schedule.counts(step: step, layer: layer),
            expecting: LayerExpectation(
              forecast, layer: layer, horizon: options.horizon, layers: 3),
            sharing: &plans)
          #expect(max(staged.computeSeconds, staged.linkSeconds) <= staged.seconds)
          guard run.accounts.report.bytesMoved == moved, run.transfers.buffered.isEmpty else {
            continue
          }
          let bound = BoundEngine().run(
            run.last.plan, copies: [], expert: bare, on: simulation.fabric)
          #expect(bound.computeSeconds <= staged.seconds * (1 + 1e-12))
        }
      }
    }
  }

  @Test func perfectForecastIsFasterThanNone() throws {
    var options = options
    options.gapSeconds = 500e-6
    let schedule = schedule(batch: 4)
    let results = try simulation("pcie-1", options).run(
      pool, schedule: schedule,
      forecasts: [NoForecast(experts: 12), OracleForecast(schedule)])
    #expect(results[1].simulation.meanLayerSeconds < results[0].simulation.meanLayerSeconds)
    #expect(results[1].staging.stagedOnTime > 0 && results[1].staging.bytesUsed > 0)
  }
}
