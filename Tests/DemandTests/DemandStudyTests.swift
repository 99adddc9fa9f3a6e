import Prequential
import RoutingTrace
import Testing
import WaferSamples

@testable import Demand

struct DemandStudyTests {
  /// One request of top-1 of 4 experts in `layers` layers, replayed by both slots of a batch, one
  /// token apart.
  private func study(_ ids: [UInt16], layers: Int = 1) throws -> DemandStudy {
    var pool = RequestPool(
      shape: try TraceShape(modelLayers: Array(0..<layers), experts: 4, topK: 1))
    pool.add(ids)
    return DemandStudy(
      pool,
      schedule: BatchSchedule(pool, size: 2, steps: 3, policy: .replay(stride: 1, period: 4)))
  }

  private func close(_ value: Double, _ wanted: Double) -> Bool { abs(value - wanted) < 1e-12 }

  /// Batches {0, 0}, {0, 1}, {1, 2}; the last step's counts are expected again.
  @Test func persistenceByHand() throws {
    let study = try study([0, 0, 1, 2])
    let report = study.run(layersAhead: 0, PersistenceForecast(layers: 1, experts: 4))
    #expect(report.requests == 4)
    // One request of two is misplaced each time.
    #expect(close(report.loadError, 0.5))
    // First all of one expert is expected, so chance has no part; then one of each of two experts
    // by tokens that take either with chance 1/2: 0, 1 or 2 of an expert, 1/2 from 1 on average.
    // That misplaces half a request of four.
    #expect(close(report.loadErrorIfRight, 1.0 / 8))
    // Wanted {0}, {0, 1}, asked {0, 1}, {1, 2}.
    #expect(report.wanted == 3 && report.asked == 4 && report.wantedAndAsked == 2)
    #expect(close(report.precision, 2 / 3) && close(report.recall, 0.5))
    #expect(close(report.f1, 4.0 / 7))
    // Needs 1, 0, 0, 0 and 3/4, 3/4, 0, 0.
    #expect(close(report.calibration.brier, (0 + 1 + 9.0 / 16 + 1.0 / 16 + 1) / 8))
    #expect(close(report.calibration.brierIfRight, 2 * 3.0 / 16 / 8))
    #expect(close(report.f1IfRight, 2 * 2.5 / (3 + 2.5)))
    #expect(report.calibration.bins.map(\.count) == [5, 0, 0, 0, 0, 0, 0, 2, 0, 1])
    #expect(close(report.calibration.bins[7].share, 0.5))
    #expect(close(report.calibration.error, (5 * 0.4 + 2 * 0.25) / 8))
  }

  /// Expects what came so far, a step on average: {0: 2}, then {0: 3/2, 1: 1/2}.
  @Test func frequencyByHand() throws {
    let study = try study([0, 0, 1, 2])
    let report = study.run(layersAhead: 0, FrequencyForecast(layers: 1, experts: 4))
    // |2 - 1| + |0 - 1|, then |1.5 - 0| + |.5 - 1| + |0 - 1|.
    #expect(close(report.loadError, (2.0 + 3) / 2 / 4))
  }

  /// Slots that hold the same token ask alike and count as one token.
  @Test func slotsOfOneTokenAskAlike() throws {
    var pool = RequestPool(shape: try TraceShape(modelLayers: [0], experts: 4, topK: 1))
    pool.add([0, 1, 2, 3])
    let schedule = BatchSchedule(
      pool, size: 2, steps: 2, policy: .replay(stride: 0, period: 4))
    let study = DemandStudy(pool, schedule: schedule)
    #expect(study.distinctTokens == 1)
    let report = study.run(layersAhead: 0, PersistenceForecast(layers: 1, experts: 4))
    #expect(report.loadError == 1 && report.asked == 1)
    #expect(DistinctTokens([3, 1, 3, 3]).tokens == [1, 3])
    #expect(DistinctTokens([3, 1, 3, 3]).slots == [1, 3])
  }

  /// Half a chance is enough.
  @Test func expertsAreWantedFromANeedOfOneHalf() {
    var report = DemandReport()
    report.score(ExpertDemand(load: [0.5, 0.49, 0.01], tokens: [1]), against: [1, 0, 0])
    #expect(report.wanted == 1 && report.wantedAndAsked == 1)
    report.score(ExpertDemand(load: [0.55, 0.44, 0.01], tokens: [1]), against: [0, 1, 0])
    #expect(report.wanted == 2 && report.wantedAndAsked == 1 && report.asked == 2)
  }

  @Test func nothingExpectedIsAllMisplaced() throws {
    let report = try study([0, 0, 1, 2]).run(layersAhead: 0, NoForecast(experts: 4))
    #expect(report.loadError == 1 && report.recall == 0 && report.precision == 0)
  }

  /// An oracle is right about everything, however far ahead it is asked.
  @Test(arguments: [0, 1, 2, 4]) func anOracleIsNeverWrong(layersAhead: Int) throws {
    let pool = try Samples.pool()
    let schedule = BatchSchedule(pool, size: 9, steps: 12, policy: .continuous(seed: 2))
    let report = DemandStudy(pool, schedule: schedule)
      .run(layersAhead: layersAhead, OracleForecast(schedule))
    #expect(report.loadError == 0 && report.loadErrorIfRight == 0)
    #expect(report.f1 == 1 && report.f1IfRight == 1)
    #expect(report.calibration.brier == 0 && report.calibration.error == 0)
    #expect(report.requests == 11 * 3 * 9 * 2)
  }

  /// All layers are scored at every horizon, the first ones as they are expected after the step
  /// before.
  @Test func everyLayerIsScoredOnceAStep() throws {
    let pool = try Samples.pool()
    let schedule = BatchSchedule(pool, size: 9, steps: 12)
    let study = DemandStudy(pool, schedule: schedule, warmSteps: 4)
    let frequency = FrequencyForecast(layers: 3, experts: 12)
    let reports = [0, 1, 2, 4].map { study.run(layersAhead: $0, frequency) }
    #expect(reports.allSatisfy { $0.calibration.count == 8 * 3 * 12 })
    // Frequencies of a layer do not change between its turns.
    #expect(reports.allSatisfy { $0 == reports[0] })
  }

  @Test(arguments: [4, 16, 64]) func shufflingLosesWhatWasKnown(size: Int) throws {
    let pool = try Samples.pool()
    let schedule = BatchSchedule(pool, size: size, steps: 20)
    let study = DemandStudy(pool, schedule: schedule, warmSteps: 6)
    let sources = ForecastSources(transitions: try TransitionCounts(of: pool))
    let reports = try study.run(
      [DemandQuestion(.frequency), DemandQuestion(.shuffled)], sources)
    #expect(reports[1].loadError >= reports[0].loadError)
    #expect(reports[1].f1 <= reports[0].f1)
    #expect(reports[1].calibration.brier >= reports[0].calibration.brier)
  }

  @Test func workersChangeNothing() throws {
    let pool = try Samples.pool()
    let schedule = BatchSchedule(pool, size: 20, steps: 15)
    let study = DemandStudy(pool, schedule: schedule)
    let questions = [.frequency, .persistence, .heatmap, .mixture, .blend].flatMap(
      DemandQuestion.all)
    #expect(questions.count == 11)
    func reports(_ workers: Int) throws -> [DemandReport] {
      let sources = ForecastSources(
        transitions: try TransitionCounts(of: pool),
        mixture: try MixtureTables(pool, horizon: 4, workers: workers))
      return try study.run(questions, sources, workers: workers)
    }
    #expect(try reports(1) == reports(2))
    #expect(throws: SimulationError.self) { try study.run(questions, ForecastSources()) }
  }

  /// A figure and its twin agree where batches do come from the forecast: every token takes one of
  /// two experts by the toss of a coin, which frequency soon knows.
  @Test func figuresMeetTheirTwinsWhereTheForecastIsRight() throws {
    var pool = RequestPool(shape: try TraceShape(modelLayers: [0], experts: 4, topK: 1))
    var random = SeededGenerator(seed: 7)
    pool.add((0..<40_000).map { _ in random.next() & 1 == 0 ? 1 : 3 })
    let schedule = BatchSchedule(
      pool, size: 5, steps: 8000, policy: .replay(stride: 8000, period: 40_000))
    let report = DemandStudy(pool, schedule: schedule, warmSteps: 1000)
      .run(layersAhead: 0, FrequencyForecast(layers: 1, experts: 4))
    // E|X - 5/2| of five tosses is 15/16: of 5 requests 15/16 are misplaced.
    #expect(abs(report.loadErrorIfRight - 3.0 / 16) < 0.001)
    #expect(abs(report.loadError - report.loadErrorIfRight) < 0.003)
    #expect(abs(report.f1 - report.f1IfRight) < 0.002)
    #expect(abs(report.calibration.brier - report.calibration.brierIfRight) < 0.002)
    #expect(report.calibration.error < 0.002)
  }
}
