import Demand
import RoutingTrace
import Testing
import Wafer
import WaferSamples

@testable import Serving

/// Laws that hold of every policy, on requests that drift.
struct ServerlessSimulationTests {
  private static let pool = Result { try Samples.pool() }
  private static let sources = Result {
    ForecastSources(mixture: try MixtureTables(try pool.get(), horizon: 4))
  }

  private func run(
    _ policy: ServerlessSimulation.Policy, _ simulation: ServerlessSimulation,
    rate: Double = 2000, count: Int = 40, seed: UInt64 = 1
  ) throws -> ServerlessResult {
    try simulation.run(
      policy, try Self.pool.get(), arrivals: .poisson(rate: rate, count: count, seed: seed),
      seed: seed, try Self.sources.get())
  }

  @Test(arguments: ServerlessSamples.policies.map(\.name)) func everyTokenIsServedOnce(
    name: String
  ) throws {
    let policy = try #require(ServerlessSamples.policies.first { $0.name == name }).policy
    let pool = try Self.pool.get()
    for memory in [60e6, 200e6, 80e9] {
      // Of 67 MB nine tenths are for weights: ten experts.
      var hardware = ServerlessSamples.hardware(gpus: 2)
      hardware.hbmCapacity = memory * 10 / 9 + 1
      let simulation = try ServerlessSamples.simulation(hardware)
      if name == "static" || name == "eplb", memory < 130e6 { continue }
      let result = try run(policy, simulation)
      #expect(result.served.requests == 40 && result.served.timeToFirstToken.seconds.count == 40)
      #expect(result.requests == result.served.tokens * pool.shape.topK * pool.shape.layers)
      #expect(result.served.tokens > 40 * 4)
      #expect(result.peakGigabytes <= 2 * memory / 1e9, "never beyond the system's memory")
      #expect(result.gigabyteSeconds <= result.peakGigabytes * result.served.seconds * (1 + 1e-9))
      #expect(result.layerSeconds.seconds.count == result.served.steps * pool.shape.layers)
      #expect(try run(policy, simulation) == result, "the same seed gives the same")
      #expect(try run(policy, simulation, seed: 2) != result)
    }
  }

  /// Who knows what comes waits no longer than who does not, but for the moves that it makes.
  @Test(arguments: [UInt64(1), 2, 3, 4], [0.0, 1e-3, 1]) func anOracleDoesNoHarm(
    seed: UInt64, keepAlive: Double
  ) throws {
    var options = ServerlessOptions()
    options.keepAlive = keepAlive
    options.distance = 1
    var simulation = try ServerlessSamples.simulation()
    simulation.gapSeconds = 1e-3
    // All are there from the beginning, so that batches do not depend on how long steps take.
    let arrivals = try Arrivals(Array(repeating: 0, count: 20))
    func run(_ forecast: ForecastChoice) throws -> ServerlessResult {
      try simulation.run(
        .serverless(options, forecast), try Self.pool.get(), arrivals: arrivals, seed: seed)
    }
    let (none, oracle) = (try run(.none), try run(.oracle))
    #expect(none.served.steps == oracle.served.steps)
    func seconds(_ result: ServerlessResult) -> Double {
      result.layerSeconds.seconds.reduce(0, +)
    }
    #expect(seconds(oracle) <= seconds(none) + oracle.moveSeconds)
    #expect(oracle.accuracy.rightShare == 1)
    if keepAlive < 1 {
      #expect(
        oracle.waitSeconds < none.waitSeconds, "with time to bring them, fewer are waited for")
    }
  }

  /// A step ahead there is time for what one layer has none.
  @Test func theNextStepIsPrepared() throws {
    var options = ServerlessOptions()
    options.keepAlive = 1e-3
    options.distance = 1
    var simulation = try ServerlessSamples.simulation()
    simulation.gapSeconds = 2e-3
    func waits(_ prepares: Bool) throws -> Double {
      options.preparesNextStep = prepares
      return try simulation.run(
        .serverless(options, .oracle), try Self.pool.get(),
        arrivals: Arrivals(Array(repeating: 0, count: 12)), seed: 1
      ).waitSeconds
    }
    #expect(try waits(true) < waits(false))
  }

  /// Between two bursts everything goes; without the patience nothing is left, with it all stays.
  @Test func memoryFallsToNothingWhereNobodyAsks() throws {
    let simulation = try ServerlessSamples.simulation()
    let arrivals = try Arrivals([0, 100])
    func gigabyteSeconds(_ keepAlive: Double) throws -> (ServerlessResult, Double) {
      var options = ServerlessOptions()
      options.keepAlive = keepAlive
      let result = try simulation.run(
        .serverless(options, .frequency), try Self.pool.get(), arrivals: arrivals, seed: 1)
      return (result, result.gigabyteSeconds)
    }
    let (brief, cheap) = try gigabyteSeconds(1)
    let (lasting, dear) = try gigabyteSeconds(1000)
    #expect(cheap < 0.05 * dear && brief.meanGigabytes < 0.05 * brief.peakGigabytes)
    #expect(brief.coldStarts > lasting.coldStarts)
    let fixed = try simulation.run(.fixed, try Self.pool.get(), arrivals: arrivals, seed: 1)
    #expect(abs(fixed.gigabyteSeconds - 36 * 6e-3 * fixed.served.seconds) < 1e-9)
    #expect(dear <= fixed.gigabyteSeconds)
  }

  /// Arrivals of a window are let in together when it ends.
  @Test func windowsGatherArrivals() throws {
    var simulation = try ServerlessSamples.simulation()
    simulation.window = 1
    let result = try simulation.run(
      .fixed, try Self.pool.get(), arrivals: Arrivals([0.25, 0.75, 3]), seed: 1)
    #expect(result.served.waited.seconds == [0.75, 0.25, 1])
  }

  @Test func timeBetweenLayersCounts() throws {
    var simulation = try ServerlessSamples.simulation()
    let without = try run(.fixed, simulation, rate: 1, count: 1)
    simulation.gapSeconds = 1
    let with = try run(.fixed, simulation, rate: 1, count: 1)
    #expect(
      abs(with.served.seconds - without.served.seconds - 3 * Double(with.served.steps)) < 1e-9)
    #expect(with.layerSeconds == without.layerSeconds)
  }

  @Test func whatCannotBeServedIsNamed() throws {
    func expect(
      _ message: String, _ policy: ServerlessSimulation.Policy,
      _ change: (inout Hardware) -> Void = { _ in }
    ) throws {
      var hardware = ServerlessSamples.hardware()
      change(&hardware)
      let error = #expect(throws: SimulationError.self) {
        _ = try self.run(policy, try ServerlessSamples.simulation(hardware))
      }
      #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
    try expect("every expert once needs room for 18 experts on a GPU", .fixed) {
      $0.hbmCapacity = 100e6
    }
    try expect("needs room for 21 experts", .balanced(every: 1, redundant: 2)) {
      $0.hbmCapacity = 130e6
    }
    try expect("one layer's experts needs room for 6", .serverless(ServerlessOptions(), .none)) {
      $0.hbmCapacity = 30e6
    }
    try expect("give 2 redundant slots", .balanced(every: 1, redundant: 1))
    try expect("at least 1", .balanced(every: 0, redundant: 2))
    try expect("no memory behind the GPUs of pair holds all experts", .fixed) {
      $0.hostCapacity = 100e6
    }
    try expect("blend goes by a schedule", .serverless(ServerlessOptions(), .blend))
    var far = ServerlessOptions()
    far.distance = 5
    try expect("1 to 4 layers ahead", .serverless(far, .none))
    var odd = ServerlessOptions()
    odd.keepAlive = .nan
    try expect("numbers from 0 on", .serverless(odd, .none))
  }

  @Test func aMemoryBehindTheGPUsIsMadeWhereThereIsNone() throws {
    let simulation = try ServerlessSimulation(
      hardware: Samples.hardware, model: Samples.model, slots: 4)
    #expect(simulation.fabric.tiers.map(\.name) == ["host"])
  }
}
