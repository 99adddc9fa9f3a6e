import RoutingTrace
import Testing
import WaferSamples

@testable import Demand
@testable import Staging
@testable import Wafer

struct StagingTests {
  private let pool: RequestPool
  private let transitions: TransitionCounts

  init() throws {
    pool = try Samples.pool()
    transitions = try TransitionCounts(of: pool)
  }

  /// Memory for a few copies a die, idle time between layers.
  private var options: StagingOptions {
    var options = StagingOptions()
    options.copyBytes = 3 * 6e6
    options.bufferBytes = 6e6
    options.chunkBytes = 1e6
    options.gapSeconds = 20e-6
    options.allocation.blockSize = 10
    return options
  }

  private func run(
    _ forecast: any DemandForecast, _ options: StagingOptions, steps: Int = 12, batch: Int = 60,
    hardware: Hardware = Samples.hardware
  ) throws -> StagingResult {
    try StagingSimulation(hardware: hardware, model: Samples.model, options: options).run(
      pool, schedule: schedule(steps: steps, batch: batch), forecast: forecast)
  }

  private func schedule(steps: Int = 12, batch: Int = 60) -> BatchSchedule {
    BatchSchedule(pool, size: batch, steps: steps, policy: .replay(stride: 2, period: 8))
  }

  private var forecasts: [any DemandForecast] {
    [
      NoForecast(experts: 12), FrequencyForecast(layers: 3, experts: 12),
      HeatmapForecast(transitions), OracleForecast(schedule()),
      ShuffledForecast(HeatmapForecast(transitions), experts: 12, seed: 1),
    ]
  }

  @Test(arguments: EvictionPolicy.allCases, [true, false])
  func everyReadAndTransferIsCountedOnce(eviction: EvictionPolicy, holdsBack: Bool) throws {
    for forecast in forecasts {
      var options = options
      (options.eviction, options.holdsBack) = (eviction, holdsBack)
      let result = try run(forecast, options)
      let report = result.staging
      #expect(report.reads == result.simulation.rows.reduce(0) { $0 + $1.result.tasks })
      #expect(report.coverage >= 0 && report.coverage <= 1)
      #expect(report.precision >= 0 && report.precision <= 1)
      #expect(
        (report.transfersUsed + report.transfersWasted > 0)
          == (report.bytesUsed + report.bytesWasted > 0))
      #expect(report.stagedLate > 0 || report.lateSeconds == 0)
      // Twice the same, to the last bit.
      #expect(result == (try run(forecast, options)))
    }
  }

  @Test func noForecastStagesNothing() throws {
    let report = try run(NoForecast(experts: 12), options).staging
    #expect(report.transfersUsed + report.transfersWasted + report.stagedOnTime == 0)
    #expect(report.preemptionSeconds == 0)
  }

  /// No more copies are ordered than may wait at a die; nothing else brings weights here.
  @Test func noMoreIsOrderedThanMayWait() throws {
    let hardware = try #require(try Hardware.shipped("pcie-1"))
    func brought(_ limit: Int) throws -> Int {
      var options = options
      (options.queueLimit, options.horizon, options.holdsBack) = (limit, 0, false)
      // Nothing moves, so that all that was ordered is taken back in the end.
      options.bandwidthShare = 0
      options.copyBytes = 12 * 6e6
      let report = try run(
        OracleForecast(schedule(batch: 4)), options, batch: 4, hardware: hardware
      ).staging
      return report.transfersUsed + report.transfersWasted + report.cancelled
    }
    #expect(try brought(0) == 0)
    let orders = try [1, 2, 3, 32].map(brought)
    // As many as may wait are ordered anew in each of the 11 steps that have a next one.
    #expect(orders.prefix(3) == [11, 22, 33])
    #expect(orders[3] > 33)
  }

  @Test func noBandwidthMovesNothing() throws {
    var options = options
    options.bandwidthShare = 0
    let report = try run(OracleForecast(schedule()), options).staging
    #expect(report.transfersUsed + report.transfersWasted == 0)
  }

  @Test func perfectForecastIsFasterThanNone() throws {
    let none = try run(NoForecast(experts: 12), options)
    let oracle = try run(OracleForecast(schedule()), options)
    #expect(oracle.simulation.meanLayerSeconds < none.simulation.meanLayerSeconds)
    #expect(oracle.staging.transfersUsed > 0)
    #expect(none.regret(against: oracle) > 0)
  }

  /// One GPU whose experts live in the host's memory, room for a third of them, and time between
  /// layers in which transfers can do harm: they push out what would have been read again.
  @Test func prefetchThatWouldHurtIsHeldBack() throws {
    let hardware = try #require(try Hardware.shipped("pcie-1"))
    var options = options
    options.copyBytes = 12 * 6e6
    options.bufferBytes = 0
    options.gapSeconds = 500e-6
    options.eviction = .leastRecent
    func seconds(_ forecast: any DemandForecast, holdsBack: Bool) throws -> Double {
      options.holdsBack = holdsBack
      return try run(forecast, options, steps: 200, batch: 2, hardware: hardware).simulation
        .meanLayerSeconds
    }
    let wrong = ShuffledForecast(HeatmapForecast(transitions), experts: 12, seed: 1)
    let none = try seconds(NoForecast(experts: 12), holdsBack: true)
    let forced = try seconds(wrong, holdsBack: false)
    let heldBack = try seconds(wrong, holdsBack: true)
    #expect(forced > none * 1.05, "a wrong forecast has to hurt for this to mean anything")
    #expect(heldBack < none + 0.4 * (forced - none))
  }

  /// A placement by the rule is the rule; one that no system has is refused.
  @Test(arguments: HomePlacement.allCases) func aRuleAsPlacementIsTheRule(rule: HomePlacement)
    throws
  {
    var simulation = StagingSimulation(
      hardware: Samples.hardware, model: Samples.model, options: options)
    simulation.options.placement = rule
    func run() throws -> StagingResult {
      try simulation.run(pool, schedule: schedule(), forecast: HeatmapForecast(transitions))
    }
    let byRule = try run()
    simulation.options.placement = .contiguous
    simulation.placement = ExpertPlacement(
      rule, layers: 3, experts: 12, on: simulation.fabric)
    #expect(try run() == byRule)
    simulation.placement = ExpertPlacement(
      rule, layers: 2, experts: 12, on: simulation.fabric)
    #expect(throws: SimulationError.self) { try run() }
  }

  /// Where every die holds every expert, nothing is read from elsewhere and nothing staged.
  @Test func expertsThatLieEverywhereAreReadWhereTheyAre() throws {
    var simulation = StagingSimulation(
      hardware: Samples.hardware, model: Samples.model, options: options)
    simulation.options.bufferBytes = 0
    let everywhere = Holders(
      (0..<12).map { expert in
        [expert % 6] + (0..<6).filter { $0 != expert % 6 }
      })
    simulation.placement = ExpertPlacement(layers: [everywhere, everywhere, everywhere])
    let result = try simulation.run(
      pool, schedule: schedule(), forecast: OracleForecast(schedule()))
    #expect(result.staging.local == result.staging.reads && result.staging.local > 0)
    #expect(result.staging.bytesMoved == 0 && result.staging.fills == 0)
    #expect(result.simulation.rows.allSatisfy { $0.result.hops == 0 })
  }
}
