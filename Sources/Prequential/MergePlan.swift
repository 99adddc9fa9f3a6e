import Counting
import Forecast
import RoutingTrace

/// Which shards a ``Merge`` joins, what each counts, and in which order: that of their digests, so
/// that it does not depend on who names which first.
///
/// Made from what is known of shards without their tables, so that models that do not fit each
/// other are refused before any is read.
public struct MergePlan: Sendable {
  /// What a plan knows of a shard.
  public struct Shard: Hashable, Sendable {
    /// The shape of its traces.
    public var shape: TraceShape
    /// Names of its predictors, in their order.
    public var predictors: [String]
    /// The n of its recall@n.
    public var recallAt: [Int]
    /// Requests under way that it remembers at most.
    public var liveRequests: Int
    /// All that it has learnt, digests sorted.
    public var learnt: StreamProgress
    /// The streams that it stands for: more than 1 where it is a merge itself.
    public var streams: Int

    /// A shard of these settings that has learnt what `generations` say.
    public init(
      shape: TraceShape, predictors: [String], recallAt: [Int], liveRequests: Int,
      generations: [Generation]
    ) {
      self.shape = shape
      self.predictors = predictors
      self.recallAt = recallAt
      self.liveRequests = liveRequests
      learnt = StreamProgress()
      for generation in generations { learnt.add(generation.learnt) }
      learnt.checksums.sort()
      streams = generations.reduce(0) { $0 + $1.streams }
    }

    /// What a plan knows of a learner.
    public init(_ learner: Learner) {
      self.init(
        shape: learner.shape, predictors: learner.predictors, recallAt: learner.recallAt,
        liveRequests: learner.requests.capacity, generations: learner.generations)
    }
  }

  /// The shards, in the order in which they were added.
  public private(set) var shards: [Shard] = []
  /// The shape of the merge, with the name that any of the shards knows.
  private(set) var shape: TraceShape?
  /// What all shards together have learnt; digests are sorted at the end.
  private var learnt = StreamProgress()

  /// A plan without shards.
  public init() {}

  /// Adds a shard.
  ///
  /// - Throws: ``Merge/Problem`` where it does not fit those before it; the plan stays as it was.
  /// - Complexity: O(chunks of all shards).
  public mutating func add(_ shard: Shard) throws(Merge.Problem) {
    try check(shard)
    learnt.add(shard.learnt)
    shape = shape?.named(as: shard.shape) ?? shard.shape
    shards.append(shard)
  }

  /// Indices into ``shards``, in the order in which they are to be joined: that of their digests.
  ///
  /// Two shards of the same digests have learnt no chunk of a file, and come as they were added.
  public var order: [Int] {
    shards.indices.sorted { one, other in
      let digests = (shards[one].learnt.checksums, shards[other].learnt.checksums)
      return digests.0 == digests.1
        ? one < other : digests.0.lexicographicallyPrecedes(digests.1)
    }
  }

  /// What the merge has learnt, as one generation; none where no shard has learnt anything.
  var past: [Generation] {
    guard learnt.tokens > 0 else { return [] }
    var learnt = learnt
    learnt.checksums.sort()
    return [Generation(learnt, streams: shards.reduce(0) { $0 + $1.streams })]
  }

  /// What each shard counts that is joined in `order`.
  func shares(in order: [Int]) -> [ShardShare] {
    var before = 0
    return order.map { index in
      let own = Int(clamping: shards[index].learnt.tokens)
      defer { before += own }
      return ShardShare(before: before, own: own, all: Int(clamping: learnt.tokens))
    }
  }

  /// Throws unless the shard can be merged with those before it.
  private func check(_ shard: Shard) throws(Merge.Problem) {
    let tokens = learnt.tokens + shard.learnt.tokens
    guard tokens <= UInt64(LayerCounts.maximumTokens) else { throw .full(tokens) }
    guard learnt.chunks + shard.learnt.chunks <= UInt64(Learner.maximumChunks) else {
      throw .tooMuch("chunks")
    }
    guard let first = shards.first, let shape else { return }
    guard shape.isOfSameModel(as: shard.shape) else {
      throw .shape(shape.description, shard.shape.description)
    }
    guard first.predictors == shard.predictors else {
      throw .setting(
        "list of predictors", first.predictors.joined(separator: ","),
        shard.predictors.joined(separator: ","))
    }
    guard first.recallAt == shard.recallAt else {
      throw .setting(
        "list of recall@n", first.recallAt.map(String.init).joined(separator: ","),
        shard.recallAt.map(String.init).joined(separator: ","))
    }
    guard first.liveRequests == shard.liveRequests else {
      throw .setting(
        "number of live requests", String(first.liveRequests), String(shard.liveRequests))
    }
    let known = KnownChunks(learnt.checksums).count(in: shard.learnt.checksums)
    guard known == 0 else { throw .overlap(known) }
  }
}
