import RoutingTrace
import Testing
import WaferSamples

@testable import Demand
@testable import Staging
@testable import Wafer

/// Whole runs: beside the event engine, their figures, and what they refuse.
struct ProactiveCacheSimulationTests {
  private let pool: RequestPool

  init() throws { pool = try Samples.pool() }

  private func setup(_ system: String, slots: Int) throws -> StagingSimulation {
    var setup = StagingSimulation(
      hardware: try #require(try Hardware.shipped(system)), model: Samples.model)
    var engine = EventEngine()
    engine.chunkBytes = 1e6
    setup.engine = .event(engine)
    setup.options.copyBytes = Double(slots * 3) * setup.expert.weightBytes
    return setup
  }

  private func schedule(batch: Int = 1, steps: Int = 12) -> BatchSchedule {
    BatchSchedule(pool, size: batch, steps: steps, policy: .continuous(seed: 1))
  }

  /// One expert on demand takes what the event engine takes to read it from the host and compute it
  /// chunk by chunk, and at most the write into HBM and the computing from there more.
  @Test(arguments: ["pcie-1", "cxl-1"]) func oneExpertIsAsInTheEventEngine(system: String) throws {
    let simulation = ProactiveCacheSimulation(try setup(system, slots: 3), rules: .onDemand)
    guard case .event(let engine) = simulation.setup.engine else { return }
    var run = simulation.start(schedule())
    let outcome = run.layer(
      0, counts: (0..<12).map { $0 == 4 ? 1 : 0 }, expecting: nil)
    let event = engine.run(
      [ExpertTask(expert: 4, die: 0, requests: 1, source: 1)], copies: [],
      expert: simulation.setup.expert, on: simulation.setup.fabric)
    #expect(outcome.seconds >= event.seconds)
    let chunk = 1e6 / simulation.setup.fabric.hardware.hbmBandwidth
    #expect(outcome.seconds <= event.seconds + outcome.residentSeconds + chunk + 1e-7)
  }

  /// Counted steps are the last ones; times and gaps add up to tokens a second.
  @Test func figuresAddUp() throws {
    var setup = try setup("pcie-1", slots: 4)
    setup.options.gapSeconds = 1e-4
    let schedule = schedule(batch: 2)
    let simulation = ProactiveCacheSimulation(setup, rules: .leastRecent)
    let result = try simulation.run(pool, schedule: schedule, warmSteps: 4)
    #expect(result.simulation.rows.count == 8 * 3)
    #expect(result.simulation.rows.allSatisfy { $0.step >= 4 })
    let asked = (4..<12).reduce(0) { sum, step in
      (0..<3).reduce(sum) { $0 + schedule.counts(step: step, layer: $1).count { $0 > 0 } }
    }
    #expect(result.report.reads == asked)
    let all = result.simulation.meanLayerSeconds + 1e-4
    #expect(abs(result.simulation.tokensPerSecond - 2 / (3 * all)) < 1e-6)
    let waited = result.simulation.meanLayerSeconds - result.residentLayerSeconds
    #expect(abs(result.loadShare - waited / all) < 1e-12)
    #expect(result.report.forecasts == 0 && result.report.bytesWasted == 0)
  }

  /// More is kept, less is brought; with everything kept, each expert is brought once.
  @Test func roomForAllBringsEachOnce() throws {
    let schedule = schedule(batch: 7, steps: 20)
    var moved: [Double] = []
    for slots in [3, 6, 12] {
      let simulation = ProactiveCacheSimulation(
        try setup("pcie-1", slots: slots), rules: .leastRecent)
      moved.append(try simulation.run(pool, schedule: schedule).report.bytesMoved)
    }
    let used = (0..<3).reduce(0) { sum, layer in
      sum
        + (0..<12).count { expert in
          (0..<20).contains { schedule.counts(step: $0, layer: layer)[expert] > 0 }
        }
    }
    #expect(moved[2] == Double(used) * 6e6)
    #expect(moved[0] >= moved[1] && moved[1] >= moved[2])
  }

  /// What a forecast is asked: this step's later layers, then the next step's first ones as they were
  /// told when their layer was routed last.
  @Test func layersOfTheNextStepFollow() {
    struct Told: DemandForecast {
      let name = "told"
      private var step = 0
      mutating func observe(step: Int, layer: Int, chosen: [UInt16]) { self.step = step }
      func nextStep(layer: Int) -> [Double] { [Double(step), Double(layer), -1] }
      func laterLayer(_ layer: Int, observed: Int) -> [Double] {
        [Double(step), Double(layer), Double(observed)]
      }
    }
    var ahead = StrideForecast(Told(), schedule(), stride: 2)
    let asked = (0..<3).map { ahead.expect(step: 5, layer: $0, chosen: []) }
    #expect(asked.map(\.layer) == [2, 0, 1])
    #expect(asked.map(\.load) == [[5, 2, 0], [5, 0, -1], [5, 1, -1]])
  }

  /// A layer that always follows from the one two before it is forecast right once it has been seen.
  @Test func theLayerMarkovTableLearnsItsStride() throws {
    var pool = RequestPool(shape: pool.shape)
    for _ in 0..<40 {
      var ids: [UInt16] = []
      for token in 0..<6 {
        let first = UInt16(token)
        ids += [first, first + 6, 1, 2, (first + 3) % 6, 6 + (first + 1) % 6]
      }
      pool.add(ids)
    }
    let schedule = BatchSchedule(pool, size: 1, steps: 30, policy: .continuous(seed: 1))
    var forecast = try LayerMarkovTable(pool, stride: 2).forecast(schedule)
    var right = 0
    for step in 0..<30 {
      forecast.observe(
        step: step, layer: 0, chosen: pool.chosen(by: schedule.tokens[step], layer: 0))
      let expected = ProactiveRun.expected(forecast.laterLayer(2, observed: 0))
      let actual = (0..<12).filter { schedule.counts(step: step, layer: 2)[$0] > 0 }
      if expected.sorted() == actual { right += 1 }
      #expect(forecast.nextStep(layer: 0).allSatisfy { $0 == 0 })
      for layer in 1..<3 {
        forecast.observe(
          step: step, layer: layer, chosen: pool.chosen(by: schedule.tokens[step], layer: layer))
      }
    }
    #expect(right >= 24, "\(right) of 30")
  }

  @Test func whatCannotBeIsRefused() throws {
    func problem(
      _ system: String, slots: Int, _ change: (inout ProactiveCacheSimulation) -> Void = { _ in }
    ) throws -> String {
      var simulation = ProactiveCacheSimulation(try setup(system, slots: slots), rules: .proMoE)
      change(&simulation)
      do throws(SimulationError) {
        _ = try simulation.run(pool, schedule: schedule())
        return ""
      } catch { return "\(error)" }
    }
    #expect(try problem("pcie-1", slots: 3) == "")
    #expect(try problem("pcie-1", slots: 0).contains("holds no expert a layer"))
    #expect(try problem("dojo", slots: 3).contains("so there is nothing to bring"))
    #expect(try problem("pcie-1", slots: 3) { $0.rules.stride = 3 }.contains("from 1 to 2"))
    #expect(try problem("pcie-1", slots: 3) { $0.rules.stride = 0 }.contains("from 1 to 2"))
    let large = try problem("pcie-1", slots: 12) { simulation in
      var hardware = simulation.setup.fabric.hardware
      hardware.hbmCapacity = 100e6
      var small = StagingSimulation(hardware: hardware, model: Samples.model)
      small.options.copyBytes = simulation.setup.options.copyBytes
      simulation.setup = small
    }
    #expect(large.contains("at most 5 experts a layer fit"), "\(large)")
  }
}
