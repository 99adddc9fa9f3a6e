import Forecast
import Prequential
import RoutingTrace
import TestSupport
import Testing

/// How well merged mixtures forecast requests that none of the shards has seen.
@Suite struct MergeQualityTests {
  static let predictors = ["mixture-fast", "mixture"]

  static func chunks(_ name: String) throws -> [TraceChunk] {
    var stream = try TraceStream([BuiltProgram.models + "/" + name])
    var chunks: [TraceChunk] = []
    while let chunk = try stream.next() { chunks.append(chunk) }
    return chunks
  }

  /// recall@8 of both predictors, frozen.
  static func recall(_ learner: Learner, on chunks: [TraceChunk]) throws -> [Double] {
    var learner = learner.scoringAnew()
    for chunk in chunks { try learner.consume(chunk, learns: false, workers: 2) }
    return learner.predictors.indices.map {
      learner.score(of: $0, stages: Stage.allCases).recall(at: 8) ?? 0
    }
  }

  /// Better than any shard, and nearly as good as the one stream of all of them. Counts alone, as
  /// merging once kept them, reach .45 and .43.
  @Test func aMergeIsNearlyAsGoodAsOneStream() throws {
    let (train, test) = (
      try Self.chunks("tiny-moe-train.moe.lz4"), try Self.chunks("tiny-moe-test.moe.lz4")
    )
    func learner(_ chunks: some Sequence<TraceChunk>) throws -> Learner {
      var learner = try Learner(shape: train[0].block.shape, predictors: Self.predictors)
      for chunk in chunks { try learner.consume(chunk, workers: 2) }
      return learner
    }
    let shards = try [learner(train[..<5]), learner(train[5..<10]), learner(train[10...])]
    let alone = try shards.map { try Self.recall($0, on: test) }
    let whole = try Self.recall(learner(train), on: test)
    let merged = try Self.recall(Merge.learner(of: shards), on: test)
    for predictor in 0..<2 {
      let best = alone.map { $0[predictor] }.max() ?? 1
      #expect(merged[predictor] > best, "\(merged) \(alone)")
      #expect(merged[predictor] > whole[predictor] - 0.025, "\(merged) \(whole)")
    }
  }
}
