import Counting
import Forecast
import RoutingTrace
import ShardSums

/// What the accuracy of a stream follows from: the scores of every predictor and layer, and what
/// the stream was. Those of shards add up to the last digit.
///
/// ```swift
/// var all = try StreamScores(try ShardSums(path: "monday.npz"))
/// try all.add(try StreamScores(try ShardSums(path: "tuesday.npz")))
/// print(all.score(of: 0, stages: Stage.allCases).recall(at: 8) ?? 0)
/// ```
public struct StreamScores: Hashable, Sendable {
  /// The shape of the traces.
  public internal(set) var shape: TraceShape
  /// Names of the predictors, in the order of ``layers``.
  public let predictors: [String]
  /// The n of recall@n that were asked for, ascending.
  public let recallAt: [Int]
  /// `[layer][predictor]`: what each came to.
  public internal(set) var layers: [[LayerMetrics]]
  /// Mixture, part: what the part counts, one value a MoE layer; empty where shards differ in it.
  public internal(set) var weights: [String: [String: [Float]]]
  /// How far the streams were read, and the digests of their chunks.
  public internal(set) var progress: StreamProgress

  /// The scores of a learner's own stream.
  public init(_ learner: Learner) {
    self.init(
      shape: learner.shape, predictors: learner.predictors, recallAt: learner.recallAt,
      layers: learner.layers.map(\.metrics),
      weights: learner.mixtureWeights.mapValues { parts in
        Dictionary(uniqueKeysWithValues: parts.map { ($0.part, $0.weights) })
      },
      progress: learner.progress)
  }

  /// Scores of known values.
  init(
    shape: TraceShape, predictors: [String], recallAt: [Int], layers: [[LayerMetrics]],
    weights: [String: [String: [Float]]], progress: StreamProgress
  ) {
    self.shape = shape
    self.predictors = predictors
    self.recallAt = recallAt
    self.layers = layers
    self.weights = weights
    self.progress = progress
  }

  /// One predictor's sums over all layers.
  ///
  /// - Complexity: O(L E) for L layers.
  public func score(of predictor: Int, stages: some Sequence<Stage>) -> Score {
    layers.reduce(into: Score()) { $0.add($1[predictor].score(of: stages)) }
  }

  /// Adds the scores of another shard.
  ///
  /// - Throws: ``ShardSums/ShardSumsError`` where it is of another model, was measured otherwise, or
  ///   has chunks that are counted already; nothing is added then.
  /// - Complexity: O(L P E) for P predictors, and O(chunks of all shards).
  public mutating func add(_ other: StreamScores) throws(ShardSumsError) {
    guard shape.isOfSameModel(as: other.shape) else {
      throw .differs("shape", shape.description, other.shape.description)
    }
    guard predictors == other.predictors else {
      throw .differs(
        "list of predictors", predictors.joined(separator: ","),
        other.predictors.joined(separator: ","))
    }
    guard recallAt == other.recallAt else {
      throw .differs("list of recall@n", "\(recallAt)", "\(other.recallAt)")
    }
    guard weights == other.weights else {
      throw ShardSumsError(
        "its model weighs the parts of its mixtures otherwise than that of the shards before it",
        remedy: "give sums of shards that one model was measured on")
    }
    let known = KnownChunks(progress.checksums).count(in: other.progress.checksums)
    guard known == 0 else { throw .overlap(known) }
    // Each value is below 2^62, so that no sum of two overflows.
    var sum = self
    sum.shape = shape.named(as: other.shape)
    sum.progress.add(other.progress)
    for layer in sum.layers.indices {
      for predictor in predictors.indices {
        sum.layers[layer][predictor].add(other.layers[layer][predictor])
      }
    }
    guard sum.columns.allSatisfy({ UInt64.areWithinReach($0.values) }) else { throw .full }
    self = sum
  }
}
