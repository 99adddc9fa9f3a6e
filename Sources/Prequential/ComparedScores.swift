import RoutingTrace
import ShardSums

/// What a comparison's figures and intervals follow from: the scores of all requests, and the same
/// by group of requests. Those of shards add up, and the intervals are drawn from the sums as from
/// those of one stream.
public struct ComparedScores: Hashable, Sendable {
  /// The scores over the whole stream.
  public internal(set) var scores: StreamScores
  /// The figures by group.
  var groups: GroupSums
  /// Requests whose figures the groups hold: those begun, and those whose beginning was elsewhere.
  var requests: UInt64

  /// Recall at each n and log loss in bits of one predictor, with 95 % intervals by bootstrap:
  /// groups of requests drawn anew with replacement `resamples` times (Efron's percentile method).
  ///
  /// - Returns: nil where the stages have no events.
  /// - Complexity: time O(resamples x groups), memory O(resamples + groups).
  public func estimates(
    of predictor: Int, stages: some Sequence<Stage>, resamples: Int, seed: UInt64
  ) -> (recall: [Comparison.Estimate], logLossBits: Comparison.Estimate)? {
    let rows = groups.rows(of: predictor, stages: Array(stages))
    guard !rows.isEmpty else { return nil }
    let count = scores.recallAt.count
    let ratios = Bootstrap.ratios(rows, hits: count, resamples: resamples, seed: seed)
    return (Array(ratios.dropLast()), ratios[count])
  }

  /// How much more one predictor reaches than another, in the order of
  /// ``estimates(of:stages:resamples:seed:)``, with 95 % intervals of the paired difference: both
  /// are drawn over the same requests.
  ///
  /// - Returns: nil where the stages have no events.
  /// - Complexity: as ``estimates(of:stages:resamples:seed:)``.
  public func advantage(
    of predictor: Int, over other: Int, stages: some Sequence<Stage>, resamples: Int, seed: UInt64
  ) -> (recall: [Comparison.Estimate], logLossBits: Comparison.Estimate)? {
    let stages = Array(stages)
    let rows = groups.rows(of: predictor, stages: stages)
    let others = groups.rows(of: other, stages: stages)
    // Every predictor scores every event, so the groups are the same.
    guard !rows.isEmpty, rows.count == others.count else { return nil }
    let count = scores.recallAt.count
    let differences = Bootstrap.differences(
      rows, over: others, hits: count, resamples: resamples, seed: seed)
    return (Array(differences.dropLast()), differences[count])
  }

  /// Adds the scores of the next shard, whose requests follow those of the shards before it: each
  /// in a group of its own up to the 4,096th, then in these again from the first on.
  ///
  /// So the order of the shards decides which requests share a group, and how they are put together
  /// on the way does not.
  ///
  /// - Throws: ``ShardSums/ShardSumsError`` as ``StreamScores/add(_:)``; nothing is added then.
  /// - Complexity: O(figures).
  public mutating func add(_ other: ComparedScores) throws(ShardSumsError) {
    var sum = self
    try sum.scores.add(other.scores)
    let first = Int(requests % UInt64(RequestGroups.count))
    guard sum.groups.add(other.groups, from: first) else { throw .full }
    sum.requests += other.requests
    guard sum.requests < 1 << 62 else { throw .full }
    self = sum
  }
}

/// The same as the sums of a shard: what `moecast compare --partial` writes.
extension ComparedScores {
  /// The scores as sums, without the weights that the shard's own mixtures came to.
  public var sums: ShardSums {
    var scores = scores
    scores.weights = [:]
    var sums = scores.sums(of: .compare)
    sums.set("group_figures", groups.values, shape: [groups.groups, groups.width])
    sums.set("group_requests", requests)
    return sums
  }

  /// The scores that sums hold.
  ///
  /// - Throws: ``ShardSums/ShardSumsError`` where something is missing, or of a wrong shape.
  public init(_ sums: ShardSums) throws(ShardSumsError) {
    scores = try StreamScores(sums)
    requests = try sums.number("group_requests")
    let width = GroupSums(predictors: scores.predictors.count, recallAt: scores.recallAt).width
    let values: [UInt64] = try sums.values("group_figures", shape: [-1, width])
    guard values.count <= RequestGroups.count * width else {
      throw ShardSumsError(
        "it has more than \(RequestGroups.count) groups of requests",
        remedy: "write the shard's sums again with --partial")
    }
    groups = GroupSums(
      predictors: scores.predictors.count, recallAt: scores.recallAt, values: values)
  }
}
