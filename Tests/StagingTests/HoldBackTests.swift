import RoutingTrace
import Testing
import WaferSamples

@testable import Demand
@testable import Staging
@testable import Wafer

/// Forecasts must never cost more than a stated little against the same engine without any.
struct HoldBackTests {
  private static let steps = 40

  private let pool: RequestPool
  private let transitions: TransitionCounts

  init() throws {
    pool = try Samples.pool()
    transitions = try TransitionCounts(of: pool)
  }

  private func schedule(batch: Int) -> BatchSchedule {
    BatchSchedule(pool, size: batch, steps: Self.steps, policy: .replay(stride: 2, period: 8))
  }

  private func forecasts(_ schedule: BatchSchedule) throws -> [any DemandForecast] {
    [
      FrequencyForecast(layers: 3, experts: 12), HeatmapForecast(transitions),
      TableForecast(schedule, try MixtureTables(pool, horizon: 1)),
      ShuffledForecast(HeatmapForecast(transitions), experts: 12, seed: 1),
      OracleForecast(schedule),
    ]
  }

  /// All shipped systems, small and large batches, with idle time between layers and without, few
  /// copies and many: a run may lose a thousandth of its time and a tenth of one step, as
  /// ``StagingLedger`` says.
  @Test(arguments: Samples.systems, EvictionPolicy.allCases)
  func nothingIsLostOnAnySystem(system: String, eviction: EvictionPolicy) throws {
    for engine in ["bound", "event"] { try check(system, eviction, engine) }
  }

  private func check(_ system: String, _ eviction: EvictionPolicy, _ engine: String) throws {
    let hardware = try #require(try Hardware.shipped(system))
    // By the event engine a copy's last chunk may still be written when all is computed; the ledger
    // does not know of that beforehand.
    let unforeseen = engine == "event" ? 1e-4 : 0
    let allowed = StagingLedger.share + StagingLedger.ofStep / Double(Self.steps) + unforeseen
    for batch in engine == "bound" ? [2, 60, 4000] : [2, 60] {
      let schedule = schedule(batch: batch)
      for (gap, copies, buffer) in [(0.0, 3.0, 6e6), (500e-6, 12.0, 0.0), (20e-6, 4.0, 12e6)] {
        var options = StagingOptions()
        options.eviction = eviction
        (options.gapSeconds, options.copyBytes, options.bufferBytes) = (gap, copies * 6e6, buffer)
        options.chunkBytes = 1e6
        options.allocation.blockSize = 10
        var simulation = StagingSimulation(
          hardware: hardware, model: Samples.model, options: options)
        if engine == "event" {
          var event = EventEngine()
          event.chunkBytes = 1e6
          simulation.engine = .event(event)
        }
        let results = try simulation.run(
          pool, schedule: schedule,
          forecasts: [NoForecast(experts: 12)] + (try forecasts(schedule)))
        let none = results[0].simulation.meanLayerSeconds
        for (forecast, result) in zip(try forecasts(schedule), results.dropFirst()) {
          let loss = result.simulation.meanLayerSeconds / none - 1
          #expect(
            loss <= allowed,
            "\(engine), \(forecast.name), batch \(batch), gap \(gap), \(copies) copies")
        }
      }
    }
  }
}
