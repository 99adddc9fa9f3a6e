import RoutingTrace
import Testing
import WaferSamples

@testable import Demand
@testable import Staging
@testable import Wafer

/// What evicts where nobody says, or where there is no forecast to go by.
struct EvictionPolicyTests {
  @Test func withoutAForecastItIsWhatAUserWouldRun() {
    for policy in EvictionPolicy.allCases {
      #expect(policy.effective(.estimate) == policy)
      #expect(
        policy.effective(.nothing) == (policy == .leastExpected ? .leastRecent : policy))
      #expect(policy.effective(.perfect) == (policy == .leastExpected ? .belady : policy))
    }
    #expect(NoForecast(experts: 1).certainty == .nothing)
    #expect(PersistenceForecast(layers: 1, experts: 1).certainty == .estimate)
    #expect(StagingOptions().eviction == .leastExpected)
  }

  /// No run without a forecast is worse than LRU because of a default: by expected use, it is LRU,
  /// on every system, with both engines, held back or not.
  @Test(arguments: Samples.systems, [false, true]) func noneIsLRU(
    system: String, event: Bool
  ) throws {
    let pool = try Samples.pool()
    let schedule = BatchSchedule(pool, size: 4, steps: 12, policy: .continuous(seed: 1))
    for holdsBack in [true, false] {
      func run(_ eviction: EvictionPolicy) throws -> StagingResult {
        var options = StagingOptions()
        (options.eviction, options.holdsBack) = (eviction, holdsBack)
        options.copyBytes = 4 * 6e6
        var simulation = StagingSimulation(
          hardware: try #require(try Hardware.shipped(system)), model: Samples.model,
          options: options)
        if event { simulation.engine = .event(EventEngine()) }
        return try simulation.run(pool, schedule: schedule, forecast: NoForecast(experts: 12))
      }
      let lru = try run(.leastRecent)
      #expect(try run(.leastExpected) == lru)
      #expect(system != "pcie-1" || lru.staging.fills > 0)
    }
  }
}
