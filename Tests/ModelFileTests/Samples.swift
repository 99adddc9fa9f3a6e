import Prequential
import TestSupport

@testable import RoutingTrace

/// Small learners over made-up streams.
enum Samples {
  static func shape(
    model: String = "sample", experts: Int = 12, topK: Int = 3
  ) throws -> TraceShape {
    try TraceShape(model: model, modelLayers: [1, 2, 5], experts: experts, topK: topK)
  }

  static let predictors = ["frequency", "layer-markov", "layer-product", "token-markov"]

  /// Chunks of a stream in which two requests interleave and span chunks.
  static func chunks(_ count: Int = 6, seed: UInt64 = 1, shape: TraceShape) throws -> [TraceChunk] {
    var random = SplitMix64(seed: seed)
    var position = [0, 0]
    return try (0..<count).map { ordinal in
      let runs = (0..<2).map { request in
        defer { position[request] += 5 + ordinal }
        return TokenRun(
          request: UInt64(request), stage: ordinal == 0 ? .prefill : .decode,
          firstToken: position[request], count: 5 + ordinal, endsRequest: false)
      }
      let tokens = runs.reduce(0) { $0 + $1.count }
      let whole = RequestTrace.random(
        shape: shape, prefill: tokens, decode: 0, empty: 0.1, using: &random)
      var ids: [UInt16] = []
      for layer in 0..<shape.layers {
        for token in 0..<tokens {
          let at = (token * shape.layers + layer) * shape.topK
          ids += whole.ids[at..<at + shape.topK]
        }
      }
      return TraceChunk(
        block: try TokenBlock(shape: shape, runs: runs, ids: ids),
        checksum: UInt32(truncatingIfNeeded: random.next()), ordinal: ordinal)
    }
  }

  /// A learner that has consumed all of `chunks`, noting its figures after each.
  static func learner(
    _ chunks: [TraceChunk], shape: TraceShape, predictors: [String] = predictors
  ) throws -> Learner {
    var learner = try Learner(shape: shape, predictors: predictors, liveRequests: 8)
    for chunk in chunks {
      try learner.consume(chunk)
      learner.recordHistory()
    }
    return learner
  }

  static func learner(seed: UInt64 = 1) throws -> Learner {
    let shape = try shape()
    return try learner(chunks(seed: seed, shape: shape), shape: shape)
  }
}
