import Forecast
import RoutingTrace
import TestSupport
import Testing

@testable import Prequential

@Suite struct ForecastAnatomyTests {
  private let shape = try! TraceShape(modelLayers: [0, 1, 2], experts: 16, topK: 3)

  private func requests(_ seed: UInt64) -> [RequestTrace] {
    var random = SplitMix64(seed: seed)
    return (0..<6).map { _ in
      RequestTrace.random(shape: shape, prefill: 5, decode: 15, using: &random)
    }
  }

  private func anatomy(
    _ learner: Learner, learns: Bool, seed: UInt64, chunkTokens: Int = 40
  ) throws -> ForecastAnatomy.Figures {
    var anatomy = ForecastAnatomy(learner, of: 0, learns: learns)
    for chunk in try chunks(of: requests(seed), shape: shape, chunkTokens: chunkTokens) {
      try anatomy.consume(chunk.block)
    }
    return anatomy.figures
  }

  /// Every way of telling events apart holds them all, with the hits that the learner scores.
  @Test(arguments: ["layer-markov", "mixture"], [true, false])
  func everyEventIsToldOnceAndAsTheLearnerScoresIt(predictor: String, learns: Bool) throws {
    var learner = try Learner(shape: shape, predictors: [predictor])
    for chunk in try chunks(of: requests(1), shape: shape, chunkTokens: 40) {
      try learner.consume(chunk)
    }
    var scoring = learner.scoringAnew()
    let figures = try anatomy(scoring, learns: learns, seed: 2)
    for chunk in try chunks(of: requests(2), shape: shape, chunkTokens: 1) {
      try scoring.consume(chunk, learns: learns)
    }
    let score = scoring.score(of: 0, stages: Stage.allCases)
    let events = Int(score.events)
    #expect(figures.byPosition.reduce(0) { $0 + $1.events } == events && events == 360)
    #expect(figures.byPosition.reduce(0) { $0 + $1.hits } == Int(score.hits(at: 3)))
    #expect(figures.byPosition.map(\.events) == [18, 18, 36, 72, 144, 72])
    #expect(
      figures.calibration.count == events * 16 && figures.calibrationOfBest.count == events * 3)
    let isMixture = predictor == "mixture"
    #expect(figures.knowsContexts == isMixture)
    // First layers have no context, and nothing of the token that a path could match.
    let later = figures.seenContexts.events + figures.newContexts.events
    #expect(later == (isMixture ? 240 : 0))
    #expect(figures.byMatch.reduce(0) { $0 + $1.events } == (isMixture ? 240 : 0))
    #expect(
      try anatomy(learner.scoringAnew(), learns: learns, seed: 2, chunkTokens: 7).calibration
        == figures.calibration)
  }

  /// The same requests again: every context was seen, every path is there as it is.
  @Test func whatWasLearntIsKnownAgain() throws {
    var learner = try Learner(shape: shape, predictors: ["mixture"])
    for chunk in try chunks(of: requests(1), shape: shape, chunkTokens: 40) {
      try learner.consume(chunk)
    }
    let figures = try anatomy(learner.scoringAnew(), learns: false, seed: 1)
    #expect(figures.newContexts.events == 0 && figures.seenContexts.events == 240)
    #expect(figures.byMatch.map(\.events) == Array(repeating: 0, count: 10) + [240])
  }

  /// Without a past, the first context of a layer is new, and known when it comes again.
  @Test func contextsBecomeKnownAsTheyAreLearnt() throws {
    let shape = try TraceShape(modelLayers: [0, 1], experts: 4, topK: 1)
    var anatomy = ForecastAnatomy(
      try Learner(
        shape: TraceShape(modelLayers: [0, 1, 2], experts: 4, topK: 2), predictors: ["frequency"]),
      of: 0, learns: true)
    #expect(throws: LearnerError.self) {
      try anatomy.consume(
        TokenBlock(
          shape: shape, runs: [TokenRun(request: 0, stage: .decode, firstToken: 0, count: 1)],
          ids: [1, 2]))
    }
    let other = try TraceShape(modelLayers: [0, 1, 2], experts: 4, topK: 2)
    // Layer 0: {1, 2} twice in another order, then {0, 3}; layer 1 the same set three times.
    try anatomy.consume(
      TokenBlock(
        shape: other, runs: [TokenRun(request: 0, stage: .decode, firstToken: 0, count: 3)],
        ids: [1, 2, 2, 1, 0, 3, 0, 1, 0, 1, 1, 0, 2, 3, 2, 3, 2, 3]))
    #expect(anatomy.figures.newContexts.events == 3 && anatomy.figures.seenContexts.events == 3)
  }

  @Test func positionsFallIntoPowersOfTwo() {
    #expect([0, 1, 2, 3, 4, 7, 8].map(ForecastAnatomy.bin) == [0, 1, 2, 2, 3, 3, 4])
    for bin in 0..<10 {
      for position in ForecastAnatomy.positions(ofBin: bin) {
        #expect(ForecastAnatomy.bin(ofPosition: position) == bin)
      }
    }
  }
}
