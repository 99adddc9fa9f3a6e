import Counting
import Forecast
import RoutingTrace
import TestSupport
import Testing

@testable import Prequential

/// Forecasts handed on event by event are those that the learner scores in its pass over chunks.
@Suite struct ForecastPassTests {
  private static let predictors = LearnerSessionTests.predictors

  /// A learner of some requests, and a block of others, three of them under way at a time.
  private static func learnt() throws -> (learner: Learner, block: TokenBlock) {
    let requests = try LearnerSessionTests.requests(12)
    let closed = try LearnerSessionTests.interleaved(Array(requests[..<6]), together: 2)
    let learner = try LearnerSessionTests.learner(closed, at: 7)
    let shape = try LearnerSessionTests.shape()
    // Layer-major ids of runs of three tokens each, request by request in turns.
    var runs: [TokenRun] = []
    var tokens: [[UInt16]] = []
    for part in 0..<3 {
      for (index, request) in requests[6..<9].enumerated() {
        runs.append(
          TokenRun(
            request: UInt64(100 + index), stage: part == 0 ? .prefill : .decode,
            firstToken: 3 * part, count: 3, endsRequest: part == 2))
        for token in 3 * part..<3 * part + 3 {
          let at = token * shape.idsPerToken
          tokens.append(Array(request.ids[at..<at + shape.idsPerToken]))
        }
      }
    }
    var ids: [UInt16] = []
    for layer in 0..<shape.layers {
      for token in tokens { ids += token[layer * shape.topK..<(layer + 1) * shape.topK] }
    }
    return (learner, try TokenBlock(shape: shape, runs: runs, ids: ids))
  }

  /// Ranks of chosen experts, counted from all that is told, are the learner's own figures.
  @Test(arguments: [false, true])
  func forecastsAreThoseThatAreScored(learns: Bool) throws {
    let (learner, block) = try Self.learnt()
    for (index, name) in learner.predictors.enumerated() {
      // The pass over chunks goes layer by layer; token by token it is the same.
      var scored = learner.scoringAnew(recallAt: [1, 2, 4])
      try scored.consume(block, learns: learns, workers: 1)
      var pass = ForecastPass(learner, of: index, learns: learns)
      pass.ranking = ForecastRanking(top: 16)
      var hits = [1: 0, 2: 0, 4: 0]
      var chosen = 0
      var events = 0
      try pass.consume(block) { forecast in
        events += 1
        chosen += forecast.chosen.count
        for n in hits.keys {
          hits[n, default: 0] += forecast.experts.prefix(n).count { forecast.chosen.contains($0) }
        }
        #expect(abs(forecast.chances.reduce(0, +) - 1) < 1e-5, "\(name)")
        #expect(forecast.chances == forecast.chances.sorted(by: >), "\(name)")
        #expect(forecast.horizon == (name == "mixture:next" ? 0 : name.contains("h3") ? 3 : 1))
      }
      let score = scored.score(of: index, stages: Stage.allCases)
      #expect(UInt64(events) == score.events, "\(name)")
      for (n, hits) in hits {
        #expect(Double(hits) / Double(chosen) == score.recall(at: n), "\(name) @\(n)")
      }
      #expect((pass.learner.layers.map(\.counts) == learner.layers.map(\.counts)) == !learns)
    }
  }

  @Test func onlyWhatIsAskedForIsTold() throws {
    let (learner, block) = try Self.learnt()
    var all: [RankedForecast] = []
    var whole = ForecastPass(learner, of: 5, learns: true)
    try whole.consume(block) { all.append($0) }
    #expect(all.allSatisfy { $0.experts.count == 4 })
    var pass = ForecastPass(learner, of: 5, learns: true)
    pass.selection.stages = [.decode]
    pass.selection.layers = [1, 3]
    pass.selection.every = 2
    pass.ranking = ForecastRanking(top: 4, above: 0.1)
    var some: [RankedForecast] = []
    try pass.consume(block) { some.append($0) }
    let expected = all.filter {
      $0.stage == .decode && [1, 3].contains($0.layer) && $0.position % 2 == 0
    }
    #expect(some.count == expected.count && !some.isEmpty)
    for (one, other) in zip(some, expected) {
      #expect(
        one.experts
          == other.experts.enumerated().filter { other.chances[$0.offset] >= 0.1 }
          .map(\.element))
    }
  }

  @Test(arguments: [
    (0, [[0, 1, 2, 3], [], [], []]), (1, [[0], [1], [2], [3]]), (2, [[0, 1], [2], [3], []]),
    (3, [[0, 1, 2], [3], [], []]), (9, [[0, 1, 2, 3], [], [], []]),
  ])
  func everyLayerIsForecastOnce(horizon: Int, expected: [[Int]]) {
    let due = (0..<4).map {
      Array(ForecastPass.forecastable(known: $0, horizon: horizon, layers: 4))
    }
    #expect(due == expected)
  }

  @Test func aBlockOfAnotherShapeIsRefused() throws {
    let (learner, _) = try Self.learnt()
    let shape = try TraceShape(modelLayers: [0], experts: 4, topK: 1)
    let run = TokenRun(request: 0, stage: .decode, firstToken: 0, count: 1)
    let block = try TokenBlock(shape: shape, runs: [run], ids: [3])
    var pass = ForecastPass(learner, of: 0, learns: true)
    #expect(throws: LearnerError.self) { try pass.consume(block) { _ in } }
    #expect(pass.learner == learner)
  }

  /// Ties go to the lower id, as ranks are counted.
  @Test func tiesGoToTheLowerID() {
    var chances = [0.1, 0.3, 0.1, 0.3, 0.2]
    chances.withUnsafeMutableBufferPointer { chances in
      let ranker = ExpertRanker(experts: 5)
      let best = ForecastRanking(top: 4).best(of: chances, by: ranker)
      #expect(best.experts == [1, 3, 4, 0])
      #expect(best.chances == [0.3, 0.3, 0.2, 0.1])
      let likely = ForecastRanking(top: 9, above: 0.2).best(of: chances, by: ranker)
      #expect(likely.experts == [1, 3, 4])
    }
  }
}
