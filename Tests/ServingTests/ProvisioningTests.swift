import Demand
import RoutingTrace
import Testing
import Wafer
import WaferSamples

@testable import Serving

struct ProvisioningTests {
  private func simulation() throws -> ExpertServerSimulation {
    var simulation = ExpertServerSimulation(
      hardware: try #require(try Hardware.shipped("nvlink-8")), model: Samples.model)
    simulation.options.servers = 8
    simulation.options.capacity = 12
    simulation.options.clients = 3
    simulation.options.gapSeconds = 20e-6
    return simulation
  }

  /// A day of half a second, whose loads take a server 2 ms.
  private func day(seed: UInt64 = 1) throws -> ServiceTraffic {
    .arriving(try .day(rate: 20_000, swing: 0.9, seconds: 0.5, seed: seed))
  }

  private func run(_ policy: Provisioning.Policy, horizon: Int = 1) throws -> ServiceResult {
    var provisioning = Provisioning(policy, windowSeconds: 0.02)
    provisioning.utilisation = 0.2
    provisioning.horizon = horizon
    return try simulation().run(
      try Samples.pool(), try day(), provisioning: provisioning, seed: 1)
  }

  @Test func noneKeepsAllServers() throws {
    let result = try run(.none)
    #expect(result.meanServers == 8 && result.added == 0 && result.mostServers == 8)
    #expect(result.windows.allSatisfy { $0.servers == 8 && $0.expected == nil })
  }

  @Test(arguments: [Provisioning.Policy.reactive, .forecast, .oracle])
  func serversFollowTheTraffic(policy: Provisioning.Policy) throws {
    let result = try run(policy)
    #expect(result.meanServers < 7.5, "fewer than all")
    #expect(result.mostServers <= 8 + 1, "at most one that leaves beside those that serve")
    let windows = result.windows
    #expect(windows.count == 25)
    #expect(windows.allSatisfy { (result.coreServers...8).contains($0.servers) })
    // At noon there are more than at night.
    let noon = windows[10..<15].map(\.servers).reduce(0, +)
    let night = windows[1..<6].map(\.servers).reduce(0, +)
    #expect(noon > night + 5)
    #expect(windows.reduce(0) { $0 + $1.arrived } == result.requests)
    #expect(result.loads > 0 && result.added > 0)
  }

  @Test func whatIsExpectedIsWhatThePolicyKnows() throws {
    let reactive = try run(.reactive).windows
    #expect(reactive[0].expected == nil && reactive[0].servers == 8)
    for (before, now) in zip(reactive, reactive.dropFirst()) {
      #expect(now.expected == Double(before.arrived))
    }
    let oracle = try run(.oracle).windows
    for window in oracle { #expect(window.expected == Double(window.arrived)) }
    let ahead = try run(.oracle, horizon: 2).windows
    for (now, next) in zip(oracle, oracle.dropFirst()) {
      let window = ahead.first { $0.seconds == now.seconds }
      #expect(window?.expected == Double(max(now.arrived, next.arrived)))
    }
  }

  @Test func trendsGoOn() {
    var trend = TrendForecast()
    #expect(trend.expected(ahead: 1) == nil)
    trend.observe(10)
    #expect(trend.expected(ahead: 3) == 10)
    for count in stride(from: 20.0, through: 400, by: 10) { trend.observe(count) }
    // A straight line is continued.
    #expect(abs((trend.expected(ahead: 1) ?? 0) - 410) < 1)
    #expect(abs((trend.expected(ahead: 4) ?? 0) - 440) < 1)
    for _ in 0..<60 { trend.observe(0) }
    #expect(trend.expected(ahead: 64) ?? -1 >= 0, "requests are never fewer than none")
  }

  @Test func aDayHasItsMeanAndItsNoon() throws {
    let times = try Arrivals.day(rate: 1000, swing: 0.8, seconds: 10, seed: 4).seconds
    #expect(abs(Double(times.count) - 10_000) < 400)
    let noon = times.count { (4..<6).contains($0) }
    let night = times.count { $0 < 1 || $0 >= 9 }
    #expect(noon > 5 * night && night > 0)
    #expect(try Arrivals.day(rate: 1000, swing: 0.8, seconds: 10, seed: 4).seconds == times)
    for (rate, swing, seconds) in [(0.0, 0.5, 1.0), (1, 1.5, 1), (1, 0.5, 0), (1e9, 0.5, 1)] {
      #expect(throws: SimulationError.self) {
        try Arrivals.day(rate: rate, swing: swing, seconds: seconds, seed: 1)
      }
    }
  }
}
