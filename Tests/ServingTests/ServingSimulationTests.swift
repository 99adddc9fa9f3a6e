import Demand
import RoutingTrace
import Staging
import Testing
import Wafer
import WaferSamples

@testable import Serving

struct ServingSimulationTests {
  /// Requests of a prompt of 3 tokens and 5 decoded ones, 3 layers of 12 experts.
  private func pool(requests: Int, prompt: Int = 3, decoded: Int = 5) throws -> RequestPool {
    let shape = try Samples.model.traceShape()
    var collector = RequestPool.Collector(shape: shape, stage: nil)
    var random = SeededGenerator(seed: 5)
    for request in 0..<requests {
      let tokens = prompt + decoded
      var ids: [UInt16] = []
      for _ in 0..<3 * tokens {
        let first = UInt16.random(in: 0..<12, using: &random)
        ids += [first, (first + 1 + UInt16.random(in: 0..<10, using: &random)) % 12]
      }
      var runs: [TokenRun] = []
      if prompt > 0 {
        runs.append(
          TokenRun(
            request: UInt64(request), stage: .prefill, firstToken: 0, count: prompt,
            endsRequest: decoded == 0))
      }
      if decoded > 0 {
        runs.append(
          TokenRun(
            request: UInt64(request), stage: .decode, firstToken: prompt, count: decoded,
            endsRequest: true))
      }
      collector.add(try TokenBlock(shape: shape, runs: runs, ids: ids))
    }
    return collector.pool()
  }

  private func strategy(_ strategy: Strategy = .allocation) throws -> Simulation {
    Simulation(
      hardware: try #require(try Hardware.shipped("sow")), model: Samples.model, batch: 1, steps: 1,
      strategy: strategy)
  }

  private func serving(
    slots: Int = 4, stepTokens: Int = 16, gap: Double = 0
  ) throws -> ServingSimulation {
    var simulation = try strategy()
    simulation.gapSeconds = gap
    return ServingSimulation(
      timer: .strategy(simulation), slots: slots, stepTokens: stepTokens)
  }

  @Test func aPoolKnowsItsPrompts() throws {
    #expect(try pool(requests: 2).prompts == [3, 3])
    #expect(try pool(requests: 1, prompt: 0).prompts == [0])
  }

  /// Far apart, every request has the system for itself: its prompt in one step, then a step a token.
  @Test func aLoneRequestTakesAStepAToken() throws {
    let pool = try pool(requests: 1)
    let result = try serving().run(pool, arrivals: Arrivals([1, 2, 3]), seed: 1)
    #expect(result.requests == 3 && result.steps == 3 * 6 && result.tokens == 3 * 8)
    #expect(result.waited.seconds == [0, 0, 0])
    let first = try #require(result.timeToFirstToken.percentile(50))
    let whole = try #require(result.wholeTime.percentile(50))
    let each = try #require(result.timePerToken.percentile(50))
    #expect(abs(whole - first - 5 * each) < 1e-12)
    #expect(first > 0 && result.seconds > 2 && result.busyShare < 0.01)
    // Time between layers counts once a layer and step.
    let slow = try serving(gap: 1e-3).run(pool, arrivals: Arrivals([1, 2, 3]), seed: 1)
    let layers = Double(Samples.model.moeLayers.count)
    let slower = try #require(slow.timeToFirstToken.percentile(50))
    #expect(abs(slower - first - layers * 1e-3) < 1e-9)
  }

  @Test func oneSlotServesInTheOrderOfArrival() throws {
    let pool = try pool(requests: 3)
    let together = try Arrivals([0, 0, 0])
    let result = try serving(slots: 1).run(pool, arrivals: together, seed: 1)
    #expect(result.waited.seconds == result.waited.seconds.sorted())
    #expect(result.waited.seconds[0] == 0)
    #expect(result.waited.seconds[1] == result.wholeTime.seconds[0])
    #expect(result.steps == 3 * 6)
    // With a slot each they share steps, and nobody waits.
    let shared = try serving(slots: 3).run(pool, arrivals: together, seed: 1)
    #expect(shared.waited.seconds == [0, 0, 0] && shared.steps == 6 && shared.tokens == 24)
    #expect(shared.seconds < result.seconds)
  }

  /// A step of 2 tokens takes a prompt of 3 in two pieces, and decoding goes on beside it.
  @Test func promptsComeInPieces() throws {
    let pool = try pool(requests: 1)
    let result = try serving(stepTokens: 2).run(pool, arrivals: Arrivals([0]), seed: 1)
    #expect(result.steps == 2 + 5 && result.tokens == 8)
    let two = try serving(slots: 2, stepTokens: 2).run(pool, arrivals: Arrivals([0, 0]), seed: 1)
    #expect(two.tokens == 16 && two.requests == 2)
    // The second's prompt has what the first leaves: 2, then 1, then 1 beside each decoded token.
    #expect(two.steps == 2 + 2 + 5)
  }

  @Test func aTraceWithoutPromptsBeginsToDecode() throws {
    let pool = try pool(requests: 1, prompt: 0)
    let result = try serving().run(pool, arrivals: Arrivals([0]), seed: 1)
    #expect(result.steps == 5 && result.timePerToken.seconds.count == 1)
    let prompts = try self.pool(requests: 1, decoded: 0)
    let only = try serving().run(prompts, arrivals: Arrivals([0]), seed: 1)
    #expect(only.timePerToken.percentile(50) == nil)
    #expect(only.wholeTime == only.timeToFirstToken && only.requests == 1)
  }

  /// No request is lost or served twice, whatever serves it, and the same seed gives the same.
  @Test(arguments: ["ep", "allo", "none", "persistence", "frequency"])
  func everyRequestIsServedOnce(name: String) throws {
    let pool = try pool(requests: 5)
    let timer: ServingSimulation.Timer
    if let strategy = Strategy(rawValue: name) {
      timer = .strategy(try self.strategy(strategy))
    } else {
      let staged = StagingSimulation(
        hardware: try #require(try Hardware.shipped("pcie-1")), model: Samples.model)
      timer = .staged(staged, try #require(ForecastChoice(rawValue: name)))
    }
    let serving = ServingSimulation(timer: timer, slots: 3, stepTokens: 4)
    let arrivals = try Arrivals.poisson(rate: 1e4, count: 40, seed: 2)
    let result = try serving.run(pool, arrivals: arrivals, seed: 3)
    #expect(result.requests == 40 && result.tokens == 40 * 8)
    #expect(result.timeToFirstToken.seconds.count == 40 && result.waited.seconds.count == 40)
    #expect(result.seconds >= result.busySeconds)
    let again = try serving.run(pool, arrivals: arrivals, seed: 3)
    #expect(again == result)
    // A crowd waits longer than stragglers.
    let rare = try serving.run(
      pool, arrivals: Arrivals.poisson(rate: 1, count: 40, seed: 2), seed: 3)
    #expect(rare.timeToFirstToken.mean ?? 1 < result.timeToFirstToken.mean ?? 0)
  }

  @Test func poissonArrivalsHaveTheirRate() throws {
    let arrivals = try Arrivals.poisson(rate: 50, count: 4000, seed: 9).seconds
    #expect(arrivals == arrivals.sorted() && arrivals.count == 4000)
    // The last of n arrivals comes after n / rate seconds, give or take 1 / sqrt(n) of it.
    #expect(abs((arrivals.last ?? 0) - 80) < 3 * 80 / 4000.0.squareRoot())
    let gaps = zip(arrivals.dropFirst(), arrivals).map { $0 - $1 }
    let mean = gaps.reduce(0, +) / Double(gaps.count)
    let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
    #expect(abs(variance.squareRoot() / mean - 1) < 0.1, "exponential: as wide as long")
    #expect(try Arrivals.poisson(rate: 50, count: 4000, seed: 9).seconds == arrivals)
    #expect(throws: SimulationError.self) { try Arrivals.poisson(rate: 0, count: 1, seed: 1) }
    #expect(throws: SimulationError.self) { try Arrivals([-1]) }
  }

  @Test func percentilesAreByNearestRank() {
    var times = ServingResult.Times()
    #expect(times.percentile(50) == nil && times.mean == nil)
    for time in [5.0, 1, 4, 2, 3] { times.add(time) }
    #expect(times.percentile(50) == 3 && times.percentile(90) == 5 && times.percentile(1) == 1)
    #expect(times.percentile(40) == 2 && times.mean == 3)
  }

  @Test func whatLooksAheadIsRefused() throws {
    let pool = try pool(requests: 1)
    let predicting = ServingSimulation(
      timer: .strategy(try strategy(.prediction)), slots: 1, stepTokens: 1)
    #expect(throws: SimulationError.self) {
      try predicting.run(pool, arrivals: Arrivals([0]), seed: 1)
    }
    var staged = StagingSimulation(
      hardware: try #require(try Hardware.shipped("pcie-1")), model: Samples.model)
    for choice in [ForecastChoice.oracle, .heatmap, .mixture] {
      let serving = ServingSimulation(timer: .staged(staged, choice), slots: 1, stepTokens: 1)
      #expect(throws: SimulationError.self) {
        try serving.run(pool, arrivals: Arrivals([0]), seed: 1)
      }
    }
    staged.options.eviction = .belady
    let belady = ServingSimulation(timer: .staged(staged, .none), slots: 1, stepTokens: 1)
    #expect(throws: SimulationError.self) {
      try belady.run(pool, arrivals: Arrivals([0]), seed: 1)
    }
  }
}
