import Demand
import Testing
import Wafer

@testable import Staging

/// Schedules worked out by hand, in microseconds: a chunk takes 1, an expert has 6 and is computed for 2.5.
struct ProactiveRunTests {
  private func microseconds(_ seconds: Double) -> Double { (seconds * 1e9).rounded() / 1e3 }

  /// 2 comes from 0 to 6 and is computed to 8.5; only then 5 is asked for: to 14.5 and 17. The next turn
  /// finds nothing.
  @Test func onDemandBringsOneAfterTheOtherEveryTime() {
    var run = HandWorked.run(.onDemand)
    for turn in 0..<2 {
      let outcome = run.layer(0, counts: HandWorked.counts(2, 5), expecting: nil)
      #expect(microseconds(outcome.seconds) == 17)
      #expect(microseconds(outcome.residentSeconds) == 5)
      #expect(run.report.misses == 2 * (turn + 1) && run.report.hits == 0)
    }
    #expect(run.came(2, layer: 0) == [1, 2, 3, 4, 5, 6, 18, 19, 20, 21, 22, 23])
    #expect(run.computed.map(\.at) == [8.5, 17, 25.5, 34])
    #expect(run.report.bytesMoved == 4 * 6e6 && run.report.bytesWasted == 0)
  }

  /// The gate asks for both at once: 5 comes while 2 is computed.
  @Test func theGateAsksForAll() {
    var run = HandWorked.run(.proMoE)
    let outcome = run.layer(0, counts: HandWorked.counts(2, 5), expecting: nil)
    #expect(microseconds(outcome.seconds) == 14.5)
    #expect(run.came(5, layer: 0) == [7, 8, 9, 10, 11, 12])
    #expect(run.computed.map(\.at) == [8.5, 14.5])
  }

  /// Two places: 0 and 1 stay, 2 makes the one not used for longer leave.
  @Test func theLeastRecentlyUsedOfTheLayerLeaves() {
    var run = HandWorked.run(.leastRecent, slots: 2)
    func seconds(_ layer: Int, _ expert: Int) -> Double {
      microseconds(
        run.layer(layer, counts: HandWorked.counts(expert), expecting: nil).seconds)
    }
    #expect(seconds(0, 0) == 8.5 && seconds(0, 1) == 8.5)
    #expect(seconds(1, 7) == 8.5, "other layers have places of their own")
    #expect(seconds(0, 0) == 2.5)
    #expect(seconds(0, 2) == 8.5)
    #expect(seconds(0, 0) == 2.5 && seconds(0, 1) == 8.5)
    #expect(run.report.hits == 2 && run.report.misses == 5)
  }

  /// 0 is asked for by the gate and goes first; 3 and 4, forecast for layer 1, begin once all of 0 has
  /// been asked for. At 8.5 layer 1 has 2 chunks of 3 and two more on their way. It asks for 2 and 3: what
  /// was forecast of 4 is dropped, the rest of 3 goes before 2.
  @Test func preciseOnesGoFirstByReadyChunks() {
    var run = HandWorked.run(.proMoE)
    let first = run.layer(
      0, counts: HandWorked.counts(0), expecting: (1, HandWorked.load(3, 4)))
    #expect(microseconds(first.seconds) == 8.5)
    #expect(run.came(0, layer: 0) == [1, 2, 3, 4, 5, 6])
    #expect(run.came(3, layer: 1) == [7, 8])
    let second = run.layer(1, counts: HandWorked.counts(2, 3), expecting: nil)
    #expect(run.came(3, layer: 1) == [7, 8, 9, 10, 11, 12])
    #expect(run.came(2, layer: 1) == [13, 14, 15, 16, 17, 18])
    #expect(run.computed.map(\.expert) == [0, 3, 2])
    #expect(run.computed.map(\.at) == [8.5, 14.5, 20.5])
    #expect(microseconds(second.seconds) == 12)
    #expect(run.came(4, layer: 1).isEmpty)
    let report = run.report
    #expect((report.hits, report.partial, report.misses) == (0, 1, 2))
    #expect((report.forecasts, report.right, report.inTime) == (2, 1, 0))
  }

  /// A wrong forecast costs the chunks on their way: 3's two come until 10, so 7 is there at 16.
  @Test func aWrongForecastCostsTheChunksOnTheirWay() {
    var run = HandWorked.run(.proMoE)
    _ = run.layer(0, counts: HandWorked.counts(0), expecting: (1, HandWorked.load(3)))
    let second = run.layer(1, counts: HandWorked.counts(7), expecting: nil)
    #expect(run.came(3, layer: 1) == [7, 8, 9, 10])
    #expect(run.came(7, layer: 1) == [11, 12, 13, 14, 15, 16])
    #expect(microseconds(second.seconds) == 10)
  }

  /// The time between layers hides the rest of what is forecast.
  @Test func whatIsForecastComesBetweenLayers() {
    var run = HandWorked.run(.proMoE)
    _ = run.layer(0, counts: HandWorked.counts(0), expecting: (1, HandWorked.load(3)))
    run.rest(seconds: 4e-6)
    let second = run.layer(1, counts: HandWorked.counts(3), expecting: nil)
    #expect(microseconds(second.seconds) == 2.5)
    #expect(run.report.goodPrediction == 1 && run.report.hits == 1)
  }

  /// 8 is there, 2 is not: 8 is computed first unless the order is that of numbers.
  @Test func expertsAreComputedAsTheyBecomeReady() {
    for reorders in [true, false] {
      var rules = ProactiveRules.proMoE
      rules.reorders = reorders
      var run = HandWorked.run(rules)
      _ = run.layer(0, counts: HandWorked.counts(8), expecting: nil)
      let turn = run.layer(0, counts: HandWorked.counts(2, 8), expecting: nil)
      #expect(run.computed.dropFirst().map(\.expert) == (reorders ? [8, 2] : [2, 8]))
      #expect(microseconds(turn.seconds) == (reorders ? 8.5 : 11))
    }
  }

  /// One place for two experts: the second begins when the first has been computed.
  @Test(arguments: [ProactiveRules.proMoE, .leastRecent, .onDemand])
  func aLayerLargerThanItsCacheTakesTurns(rules: ProactiveRules) {
    var run = HandWorked.run(rules, slots: 1)
    for _ in 0..<2 { _ = run.layer(0, counts: HandWorked.counts(2, 5), expecting: nil) }
    // By ProMoE's rules whoever is there goes first, so that only the other one has to come.
    let isReactive = rules != .proMoE
    #expect(run.computed.map(\.at) == [8.5, 17] + (isReactive ? [25.5, 34] : [19.5, 28]))
    #expect(run.computed.map(\.expert) == [2, 5] + (isReactive ? [2, 5] : [5, 2]))
    #expect(run.report.hits == (isReactive ? 0 : 1))
  }

  /// An expert with two requests is computed twice as long; two dies compute side by side, each with a
  /// link of its own.
  @Test func diesComputeSideBySide() {
    var hardware = HandWorked.hardware
    hardware.columns = 2
    var setup = HandWorked.setup
    setup = StagingSimulation(hardware: hardware, model: setup.model, options: setup.options)
    var engine = EventEngine()
    engine.chunkBytes = 1e6
    setup.engine = .event(engine)
    var run = ProactiveRun(
      .proMoE, TransferCosts(setup), homes: [Array(repeating: 2, count: 12)], slots: [6, 6],
      engine: engine)
    var counts = HandWorked.counts(2, 9)
    counts[9] = 2
    let outcome = run.layer(0, counts: counts, expecting: nil)
    #expect(outcome.tasks.map(\.die) == [0, 1])
    #expect(microseconds(outcome.seconds) == 11 && microseconds(outcome.residentSeconds) == 5)
  }

  /// What has its home on the die is always there.
  @Test func residentsNeedNoPlace() {
    var homes = Array(repeating: 1, count: 12)
    homes[4] = 0
    var engine = EventEngine()
    engine.chunkBytes = 1e6
    var run = ProactiveRun(
      .proMoE, TransferCosts(HandWorked.setup), homes: [homes], slots: [1], engine: engine)
    let outcome = run.layer(0, counts: HandWorked.counts(4), expecting: nil)
    #expect(microseconds(outcome.seconds) == 2.5)
    #expect(run.report.hits == 1 && run.report.bytesMoved == 0)
  }

  /// As many experts are expected as differ; ties go to the lower number.
  @Test func asManyExpertsAreExpectedAsDiffer() {
    #expect(ProactiveRun.expected([0.5, 0, 0.9, 0.6]) == [2, 3])
    #expect(ProactiveRun.expected([3, 0, 0, 1]) == [0, 3])
    #expect(ProactiveRun.expected([0.5, 0.5, 0.5, 0.4]) == [0, 1])
    #expect(ProactiveRun.expected([0, 0]).isEmpty)
  }
}
