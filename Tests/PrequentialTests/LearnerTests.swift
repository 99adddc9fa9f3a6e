import Counting
import Forecast
import Prequential
import RoutingTrace
import TestSupport
import Testing

@Suite struct LearnerTests {
  static let predictors = ["frequency", "layer-markov", "layer-product", "token-markov"]

  static func requests(_ shape: TraceShape) -> [RequestTrace] {
    var random = SplitMix64(seed: 21)
    return (0..<6).map { _ in
      RequestTrace.random(shape: shape, prefill: 7, decode: 12, empty: 0.1, using: &random)
    }
  }

  static func learner(
    chunkTokens: Int, workers: Int, learns: Bool = true
  ) throws -> Learner {
    let shape = try TraceShape(modelLayers: [0, 1, 2, 3, 4], experts: 10, topK: 3)
    var learner = try Learner(shape: shape, predictors: predictors)
    for chunk in try chunks(of: requests(shape), shape: shape, chunkTokens: chunkTokens) {
      try learner.consume(chunk, learns: learns, workers: workers)
    }
    return learner
  }

  @Test(arguments: [1, 3, 50], [1, 2, 9])
  func neitherChunksNorWorkersChangeAnything(chunkTokens: Int, workers: Int) throws {
    let expected = try Self.learner(chunkTokens: 4096, workers: 1)
    let learner = try Self.learner(chunkTokens: chunkTokens, workers: workers)
    #expect(learner.layers == expected.layers)
    #expect(learner.requests == expected.requests)
    #expect(learner.progress.events == expected.progress.events)
  }

  @Test func frozenLearnersStayAsTheyWere() throws {
    let learner = try Self.learner(chunkTokens: 10, workers: 2, learns: false)
    #expect(learner.layers.allSatisfy { $0.counts.frequency.allSatisfy { $0 == 0 } })
    // Every expert is as likely as any other: a tenth each, log2(10) bits.
    let score = learner.score(of: 0, stages: Stage.allCases)
    #expect(score.events == UInt64(6 * 19 * 5))
    #expect(abs((score.logLossBits ?? 0) - 3.321928094887362) < 1e-7)
  }

  /// An event without an expert is neither scored nor learnt; those around it are.
  @Test func eventsWithoutExpertsTeachNothing() throws {
    let shape = try TraceShape(modelLayers: [0, 1], experts: 6, topK: 2)
    var random = SplitMix64(seed: 3)
    var request = RequestTrace.random(shape: shape, prefill: 0, decode: 20, using: &random)
    func learner() throws -> Learner {
      var learner = try Learner(shape: shape, predictors: Self.predictors + ["mixture-fast"])
      for chunk in try chunks(of: [request], shape: shape) { try learner.consume(chunk) }
      return learner
    }
    let (token, layer) = (5, 1)
    let first = (token * shape.layers + layer) * shape.topK
    for slot in first..<first + shape.topK { request.ids[slot] = TokenBlock.emptySlot }
    let learnt = try learner()
    for predictor in learnt.predictors.indices {
      let score = learnt.score(of: predictor, stages: Stage.allCases)
      #expect(score.events == 39 && score.chosen == 78, "\(learnt.predictors[predictor])")
    }
    #expect(learnt.layers.map { $0.counts.frequency.reduce(0, +) } == [40, 38])
    request.ids = request.ids.map { _ in TokenBlock.emptySlot }
    let nothing = try learner()
    for predictor in nothing.predictors.indices {
      #expect(nothing.score(of: predictor, stages: Stage.allCases).events == 0)
    }
    #expect(nothing.layers.allSatisfy { $0.counts.frequency.allSatisfy { $0 == 0 } })
  }

  @Test func everyEventIsScoredOnce() throws {
    let learner = try Self.learner(chunkTokens: 8, workers: 2)
    for predictor in Self.predictors.indices {
      #expect(learner.score(of: predictor, stages: [.prefill]).events == 6 * 7 * 5)
      #expect(learner.score(of: predictor, stages: [.decode]).events == 6 * 12 * 5)
      #expect(learner.score(of: predictor, stages: Stage.allCases).recall(at: 10) == 1)
    }
    #expect(learner.progress.requests == 6)
  }

  @Test func anotherModelsTraceIsRefused() throws {
    var learner = try Self.learner(chunkTokens: 8, workers: 1)
    let before = learner
    let shape = try TraceShape(modelLayers: [0], experts: 10, topK: 3)
    let other = try chunks(of: Self.requests(shape), shape: shape)
    #expect(throws: LearnerError.self) { try learner.consume(other[0]) }
    #expect(learner == before)
  }

  @Test func repeatedPredictorsAreNamed() throws {
    let shape = try TraceShape(modelLayers: [0], experts: 4, topK: 1)
    #expect(throws: PredictorNameError.repeated("frequency")) {
      try Learner(shape: shape, predictors: ["frequency", "mixture", "frequency"])
    }
  }

  @Test func unknownPredictorsAreNamed() throws {
    let shape = try TraceShape(modelLayers: [0], experts: 4, topK: 1)
    let error = #expect(throws: PredictorNameError.self) {
      try Learner(shape: shape, predictors: ["crystal-ball"])
    }
    #expect(error?.description.contains("layer-markov") == true)
  }

  @Test func historyNotesSumsOncePerChunk() throws {
    var learner = try Self.learner(chunkTokens: 50, workers: 1)
    learner.recordHistory()
    learner.recordHistory()
    #expect(learner.history.count == 1)
    let row = try #require(learner.history.first)
    #expect(learner.recallAt == [1, 3, 6, 12])
    for (index, sums) in row.predictors.enumerated() {
      let score = learner.score(of: index, stages: Stage.allCases)
      #expect(sums.hits == learner.recallAt.map(score.hits(at:)))
      #expect(sums.events == score.events)
    }
  }
}
