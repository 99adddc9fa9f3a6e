import RoutingTrace
import TestSupport
import Testing
import WaferSamples

@testable import Demand
@testable import Staging
@testable import Wafer

/// Time between layers: transfers move in it, and what they cost demand is spread over it.
struct GapTests {
  private func simulation(_ system: String, gap: Double, event: Bool) throws -> StagingSimulation {
    var options = StagingOptions()
    (options.gapSeconds, options.chunkBytes) = (gap, 1e6)
    options.copyBytes = 3 * 6e6
    options.allocation.blockSize = 10
    var simulation = StagingSimulation(
      hardware: try #require(try Hardware.shipped(system)), model: Samples.model, options: options)
    if event {
      var engine = EventEngine()
      engine.chunkBytes = 1e6
      simulation.engine = .event(engine)
    }
    return simulation
  }

  /// A transfer costs demand a chunk's wait in every layer that it lasts: ten chunks that take as
  /// long as five layers with their gaps cost five, and never less than one.
  @Test func aTransferCostsAChunkALayer() throws {
    let costs = TransferCosts(try simulation("pcie-1", gap: 0, event: false))
    let (host, chunk) = (1, costs.chunkSeconds(from: 1, to: 0))
    #expect(chunk > 0)
    func cost(period: Double) -> Double {
      costs.costToDemand(10, from: host, to: 0, period: period) / chunk
    }
    #expect(abs(cost(period: 2 * chunk) - 5) < 1e-9)
    #expect(abs(cost(period: 100 * chunk) - 1) < 1e-9)
    #expect(abs(cost(period: 0) - 1) < 1e-9)
  }

  @Test(arguments: [false, true]) func aLayersPeriodHasTheGap(event: Bool) throws {
    let pool = try Samples.pool()
    let setup = try simulation("pcie-1", gap: 3e-3, event: event)
    let schedule = BatchSchedule(pool, size: 2, steps: 2)
    var oracle = OracleForecast(schedule)
    var run = StagingRun(setup, schedule: schedule, certainty: oracle.certainty)
    var plans = PlanBook(setup)
    for layer in 0..<3 {
      oracle.observe(
        step: 0, layer: layer, chosen: pool.chosen(by: schedule.tokens[0], layer: layer))
      let result = run.layer(
        step: 0, layer: layer,
        counts: schedule.counts(step: 0, layer: layer),
        expecting: LayerExpectation(oracle, layer: layer, horizon: 1, layers: 3),
        sharing: &plans)
      #expect(run.last.period == result.seconds + 3e-3)
    }
  }

  /// Llama-4's experts of 252 MB come over PCIe in 4.6 ms, beside layers of 3 ms and more.
  @Test(.enabled(if: SharedData.isPresent, "../shared is absent"), arguments: [false, true])
  func expertsComeBetweenLayers(event: Bool) throws {
    let pool = try Llama4.decode.get()
    var simulation = StagingSimulation(
      hardware: try #require(try Hardware.shipped("pcie-1")),
      model: try #require(ModelShape.named("llama-4-maverick")))
    (simulation.options.eviction, simulation.options.gapSeconds) = (.leastRecent, 3e-3)
    if event { simulation.engine = .event(EventEngine()) }
    let schedule = BatchSchedule(pool, size: 1, steps: 64)
    let results = try simulation.run(
      pool, schedule: schedule,
      forecasts: [NoForecast(experts: 128), OracleForecast(schedule)], warmSteps: 8)
    // Without the gap in the cost of a transfer the oracle took 810 us (event by event 837).
    #expect(abs(results[0].simulation.meanLayerSeconds - 982e-6) < 4e-6)
    #expect(results[1].simulation.meanLayerSeconds < 280e-6)
  }
}
