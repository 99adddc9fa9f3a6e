import Demand
import Placement
import RoutingTrace
import Testing
import Wafer
import WaferSamples

@testable import Serving

/// The sample model has 3 layers of 12 experts, of which a token takes 2.
struct ExpertServerSimulationTests {
  private func simulation(
    servers: Int = 4, capacity: Int? = 18, clients: Int = 2, batch: Int = 4
  ) throws -> ExpertServerSimulation {
    var simulation = ExpertServerSimulation(
      hardware: try #require(try Hardware.shipped("nvlink-8")), model: Samples.model)
    simulation.options.servers = servers
    simulation.options.capacity = capacity
    simulation.options.clients = clients
    simulation.options.batch = batch
    simulation.options.gapSeconds = 20e-6
    simulation.options.timeoutSeconds = 1e-3
    simulation.options.detectionSeconds = 5e-3
    return simulation
  }

  /// What holds of every run, whatever is lost on the way.
  private func expectLaws(
    _ simulation: ExpertServerSimulation, _ traffic: ServiceTraffic,
    losses: ServerLosses = .none, provisioning: Provisioning? = nil, seed: UInt64
  ) throws -> ServiceResult {
    let pool = try Samples.pool()
    var run = try simulation.start(
      pool, traffic, losses: losses, provisioning: provisioning, seed: seed)
    run.ledger = AnswerLedger()
    let result = try run.run()
    // No choice is lost, none is answered twice: expert by expert, call by call.
    let owed = try #require(run.ledger?.owed)
    #expect(!owed.isEmpty && owed.values.allSatisfy { $0 == 0 })
    #expect(result.choices.asked == result.tokens * 3 * 2)
    #expect(result.choices.answered == result.choices.asked)
    // Every message comes to one end.
    let messages = result.messages
    #expect(
      messages.sent
        == messages.heeded + messages.ignored + messages.refused + messages.lost)
    #expect(run.messages.count == 0 && run.parked.isEmpty)
    // Memory is never exceeded, and time is conserved.
    #expect(result.mostHeld <= result.capacity)
    for server in run.servers {
      #expect(server.most <= server.capacity && server.busySeconds >= -1e-12)
    }
    #expect(result.busySeconds <= result.serverSeconds + 1e-9)
    let steps = result.stepSeconds.seconds.reduce(0, +)
    #expect(abs(steps - result.attentionSeconds - result.waitingSeconds) < 1e-9 * max(1, steps))
    if case .arriving(let arrivals) = traffic {
      #expect(result.requests == arrivals.seconds.count)
      #expect(result.secondsPerToken.seconds.allSatisfy { $0 > 0 })
    }
    let again = try simulation.run(
      pool, traffic, losses: losses, provisioning: provisioning, seed: seed)
    #expect(again == result, "the same seed gives the same")
    return result
  }

  @Test func withoutLossesNobodyAsksTwice() throws {
    let result = try expectLaws(try simulation(), .saturated(seconds: 0.05), seed: 1)
    #expect(result.tokens > 100 && result.lost == 0 && result.loads == 0)
    #expect(result.messages.heeded == result.messages.sent && result.choices.askedAgain == 0)
    #expect(result.coreServers == 2 && result.capacity == 18 && result.mostHeld == 18)
    #expect(result.meanServers == 4)
  }

  /// One client of one request and one server: a step is three layers of known parts.
  @Test func aLoneRequestTakesTheTimeOfItsParts() throws {
    let simulation = try simulation(servers: 1, capacity: 36, clients: 1, batch: 1)
    let result = try expectLaws(simulation, .arriving(try Arrivals([0])), seed: 1)
    let die = simulation.hardware
    let expert = ExpertCost(shape: Samples.model, format: .bf16)
    let memory = 2 * (expert.weightBytes + expert.activationBytesPerRequest) / die.hbmBandwidth
    let compute = 2 * expert.flopsPerRequest / die.computeFlops
    let service = max(memory, compute) + die.hbmLatency + die.llcMiss
    // A token's 1,000 numbers of two bytes cut through the switch, there and back.
    let way = 2 * (2 * die.linkLatency + 2000 / die.linkBandwidth)
    let step = 3 * (20e-6 + way + service)
    for seconds in result.stepSeconds.seconds { #expect(abs(seconds - step) < 1e-12) }
    #expect(result.requests == 1 && result.stepSeconds.seconds.count == result.tokens)
    #expect(abs(result.busySeconds - 3 * Double(result.tokens) * service) < 1e-12)
  }

  /// Two clients that ask at the same time share the reading of an expert.
  @Test func batchesAreBuiltAtTheServer() throws {
    var pool = RequestPool(shape: try Samples.model.traceShape())
    pool.add((0..<6).flatMap { _ in [0, 1, 2, 3, 4, 5] as [UInt16] })
    func busy(clients: Int) throws -> Double {
      var simulation = try simulation(servers: 1, capacity: 36, clients: clients, batch: 1)
      simulation.options.gapSeconds = 0
      let arrivals = try Arrivals(Array(repeating: 0, count: 3))
      let result = try simulation.run(pool, .arriving(arrivals), seed: 1)
      #expect(result.requests == 3 && result.tokens == 18)
      return result.busySeconds
    }
    // What comes while the server is busy waits, and is served together.
    let share = try busy(clients: 3) / busy(clients: 1)
    #expect(share < 0.7)
  }

  /// The laws, over runs of every kind.
  @Test(arguments: 0..<60)
  func nothingIsLostOrAnsweredTwice(number: Int) throws {
    var random = SeededGenerator(seed: UInt64(number) + 100)
    let servers = Int.random(in: 3...7, using: &random)
    var simulation = try simulation(
      servers: servers, capacity: [15, 18, 24, 36].randomElement(using: &random),
      clients: Int.random(in: 1...4, using: &random), batch: Int.random(in: 1...6, using: &random))
    // Time-outs from far too short, so that servers are suspected for nothing, to long.
    simulation.options.timeoutSeconds = try #require(
      [8e-6, 20e-6, 60e-6, 1e-3].randomElement(using: &random))
    simulation.options.detectionSeconds = try #require(
      [0, 1e-4, 5e-3].randomElement(using: &random))
    let seconds = 0.03
    let isReplaced = Bool.random(using: &random)
    let capacity = try #require(simulation.options.capacity)
    let most = isReplaced ? servers : max(0, servers - (36 + capacity - 1) / capacity)
    let lost = Array(0..<servers).shuffled(using: &random).prefix(
      Int.random(in: 0...most, using: &random))
    let traffic: ServiceTraffic =
      Bool.random(using: &random)
      ? .saturated(seconds: seconds)
      : .arriving(
        try .poisson(rate: 3000, count: Int(3000 * seconds) + 30, seed: UInt64(number)))
    let losses = try ServerLosses(
      lost.map { .init(server: $0, seconds: .random(in: 0...seconds * 0.8, using: &random)) },
      servers: servers, replacedAfter: isReplaced ? 2e-3 : nil)
    var provisioning: Provisioning?
    if case .arriving = traffic, Bool.random(using: &random) {
      let policy = try #require(Provisioning.Policy.allCases.randomElement(using: &random))
      provisioning = Provisioning(policy, windowSeconds: 4e-3)
      provisioning?.utilisation = 0.3
    }
    let result = try expectLaws(
      simulation, traffic, losses: losses, provisioning: provisioning, seed: UInt64(number))
    #expect(result.lost <= losses.losses.count)
    if provisioning == nil { #expect(result.lost == losses.losses.count) }
  }

  /// The random runs above reach what they are for.
  @Test func impatienceIsHeardOnce() throws {
    var simulation = try simulation(servers: 4, capacity: 36)
    simulation.options.timeoutSeconds = 6e-6
    let result = try expectLaws(simulation, .saturated(seconds: 0.02), seed: 4)
    // Servers that are slow and not lost answer after others were asked.
    #expect(result.messages.ignored > 0 && result.lost == 0)
    #expect(result.messages.ignored <= result.messages.timedOut)
    #expect(result.messages.ignored + result.messages.heeded == result.messages.sent)
  }

  @Test func replicasAnswerForALostServer() throws {
    let simulation = try simulation(servers: 4, capacity: 36)
    let losses = try ServerLosses([.init(server: 1, seconds: 0.01)], servers: 4)
    let result = try expectLaws(simulation, .saturated(seconds: 0.04), losses: losses, seed: 1)
    // All four hold everything: nothing is loaded, clients ask again once.
    #expect(result.lost == 1 && result.orphaned == 0 && result.loads == 0)
    #expect(result.messages.lost > 0 && result.choices.askedAgain > 0)
    #expect(result.messages.timedOut >= result.messages.lost)
    #expect(result.choices.parked == 0)
    // The lost one is paid for until it is lost.
    #expect(abs(result.serverSeconds - (3 * result.seconds + 0.01)) < 1e-9)
  }

  @Test func expertsThatNobodyHoldsAreLoaded() throws {
    // Two of 18 hold each expert once; the third has room, since its replicas can go.
    let simulation = try simulation(servers: 3, capacity: 18)
    let losses = try ServerLosses([.init(server: 1, seconds: 0.01)], servers: 3)
    let result = try expectLaws(simulation, .saturated(seconds: 0.04), losses: losses, seed: 1)
    #expect(result.orphaned > 0 && result.loads == result.orphaned)
    #expect(result.loadedBytes == Double(result.loads) * 6e6)
    #expect(result.choices.parked > 0)
    // Nobody has room until another comes.
    let bare = try self.simulation(servers: 2, capacity: 18)
    let replaced = try ServerLosses(
      [.init(server: 0, seconds: 0.01)], servers: 2, replacedAfter: 5e-3)
    let waited = try expectLaws(bare, .saturated(seconds: 0.04), losses: replaced, seed: 1)
    #expect(waited.added == 1 && waited.loads == 18 && waited.choices.parked > 0)
    let longest = waited.stepSeconds.seconds.max() ?? 0
    #expect(longest > 5e-3 + 18 * 6e6 / 55e9, "until the new server has loaded")
  }

  /// A server sends back what it is asked for and does not hold, and another one answers.
  @Test func whatIsNotHeldIsRefused() throws {
    var run = try simulation(servers: 3).start(
      try Samples.pool(), .saturated(seconds: 0.01), seed: 1)
    let missing = try #require(run.servers[2].holds.firstIndex(of: false))
    run.register.register(2, for: missing)
    run.ledger = AnswerLedger()
    let result = try run.run()
    #expect(result.messages.refused > 0 && result.choices.askedAgain > 0)
    #expect(result.messages.sent == result.messages.heeded + result.messages.refused)
    #expect(run.ledger?.owed.values.allSatisfy { $0 == 0 } == true)
    #expect(result.choices.answered == result.choices.asked && run.messages.count == 0)
  }

  @Test func lossesCostThroughput() throws {
    let simulation = try simulation(servers: 4, capacity: 36)
    let pool = try Samples.pool()
    let whole = try simulation.run(pool, .saturated(seconds: 0.1), seed: 1)
    let losses = try ServerLosses.drawn(3, of: 4, in: 0.1, seed: 1)
    let less = try simulation.run(pool, .saturated(seconds: 0.1), losses: losses, seed: 1)
    #expect(less.tokensPerSecond < whole.tokensPerSecond)
    #expect(whole.observedSeconds == 0.1 && whole.observedTokens <= whole.tokens)
  }

  @Test func badInputIsRefused() throws {
    let pool = try Samples.pool()
    func expect(
      _ words: String, losses: ServerLosses = .none, provisioning: Provisioning? = nil,
      traffic: ServiceTraffic = .saturated(seconds: 0.01),
      _ change: (inout ExpertServerSimulation) -> Void = { _ in }
    ) throws {
      var simulation = try simulation()
      change(&simulation)
      let error = #expect(throws: SimulationError.self) {
        try simulation.run(
          pool, traffic, losses: losses, provisioning: provisioning, seed: 1)
      }
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
    try expect("no server holds the experts") { $0.options.servers = 0 }
    try expect("clients of requests") { $0.options.clients = 0 }
    try expect("clients of requests") { $0.options.batch = 0 }
    try expect("a time-out") { $0.options.timeoutSeconds = 0 }
    try expect("numbers from 0 on") { $0.options.gapSeconds = .nan }
    try expect("no room for all 36") { $0.options.servers = 1 }
    try expect("from 1 to 36") { $0.options.capacity = 37 }
    try expect("no room for one of each of 3 layers") { $0.options.capacity = 2 }
    try expect("give at most 12") { $0.hardware.hbmCapacity = 80e6 }
    try expect("no memory for an expert") {
      $0.hardware.hbmCapacity = 1e6
      $0.options.capacity = nil
    }
    try expect("the whole model") {
      $0.model = ModelShape.known[0]
    }
    try expect("above 0", traffic: .saturated(seconds: 0))
    try expect("no request arrives", traffic: .arriving(try Arrivals([])))
    try expect(
      "3 losses 1 servers are left with room for 18 of 36",
      losses: try .drawn(3, of: 4, in: 0.01, seed: 1))
    try expect(
      "server 0 is lost after 1.0 s, when the traffic",
      losses: try ServerLosses([.init(server: 0, seconds: 1)], servers: 4))
    try expect(
      "more servers are lost than there are",
      losses: try ServerLosses([.init(server: 8, seconds: 0)], servers: 9))
    try expect("servers follow requests", provisioning: Provisioning(.reactive, windowSeconds: 1))
    let arriving = ServiceTraffic.arriving(try Arrivals([0, 1]))
    try expect(
      "windows are longer", provisioning: Provisioning(.reactive, windowSeconds: 0),
      traffic: arriving)
    var provisioning = Provisioning(.reactive, windowSeconds: 1)
    provisioning.utilisation = 0
    try expect("share above 0", provisioning: provisioning, traffic: arriving)
    provisioning.utilisation = 0.5
    provisioning.horizon = 0
    try expect("from 1 to 64 windows", provisioning: provisioning, traffic: arriving)
  }
}
