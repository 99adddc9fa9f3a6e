import Counting
import Forecast
import RoutingTrace

/// The exact sum of learners that were trained on shards of a stream.
///
/// ```swift
/// var merge = Merge(first)
/// for shard in others { try merge.add(shard) }
/// print(merge.learner.progress.tokens)
/// ```
///
/// Counts and metrics are integers and add up; the chunks' digests are put together and sorted. So
/// any order and any grouping of the shards gives the same learner, and the same bytes of its file.
/// What belongs to one stream only is not carried on: requests under way are forgotten, as if each
/// shard's had ended, and there are no figures along the stream. Of a mixture only its counts add
/// up: weights, stored paths, repeats and tables of pairs follow the order of a stream and start
/// anew (`Forecast/Mixture/mergeablePart`).
public struct Merge {
  /// Why a learner cannot be added to the sum.
  public enum Problem: Error, Hashable, CustomStringConvertible {
    /// The traces they learnt from are of different models, or shapes.
    case shape(String, String)
    /// They differ in what they learn or note: the setting's name, and both values.
    case setting(String, String, String)
    /// They have learnt this many of the same chunks, which would then count twice.
    case overlap(Int)
    /// Their tokens together, this many, could overflow the counts.
    case full(UInt64)
    /// This sum of theirs is more than a model file holds.
    case tooMuch(String)

    /// What is wrong, as a clause for messages.
    public var problem: String {
      switch self {
      case .shape(let one, let other): "it has \(other), the models before it \(one)"
      case .setting(let name, let one, let other):
        "its \(name) is \(other), that of the models before it \(one)"
      case .overlap(let chunks): "\(chunks) of its chunks were learnt by the models before it too"
      case .full(let tokens):
        "with it the sum has \(tokens) tokens; counts hold \(LayerCounts.maximumTokens)"
      case .tooMuch(let sum): "with it the sum is more than a model holds of \(sum)"
      }
    }

    /// What the user can do.
    public var remedy: String {
      switch self {
      case .shape: "merge shards of one model"
      case .setting: "train all shards with the same settings"
      case .overlap: "leave one of them out"
      case .full, .tooMuch: "merge fewer shards"
      }
    }

    /// Both in one line.
    public var description: String { "\(problem); \(remedy)" }
  }

  /// The sum so far: a learner whose streams have all ended.
  public private(set) var learner: Learner

  /// Begins with one shard.
  public init(_ first: Learner) { learner = Self.closed(first) }

  /// Adds a shard.
  ///
  /// - Throws: ``Problem``; the sum stays as it was.
  /// - Complexity: O(size of the tables), and O(n log n) for n chunks of both.
  public mutating func add(_ other: Learner) throws(Problem) {
    try check(other)
    var layers = learner.layers
    for index in layers.indices {
      layers[index].counts.add(other.layers[index].counts)
      for predictor in learner.predictors.indices {
        layers[index].metrics[predictor].add(other.layers[index].metrics[predictor])
      }
    }
    var progress = learner.progress
    progress.chunks += other.progress.chunks
    progress.tokens += other.progress.tokens
    progress.events += other.progress.events
    progress.requests += other.progress.requests
    progress.checksums = (progress.checksums + other.progress.checksums).sorted()
    var models = learner.models
    for index in models.indices { models[index].add(other.models[index].mergeablePart) }
    learner = Self.learner(
      learner, shape: learner.shape.named(as: other.shape), layers: layers, models: models,
      progress: progress)
  }

  /// Throws unless the sum can be made.
  private func check(_ other: Learner) throws(Problem) {
    guard learner.shape.isCompatible(with: other.shape),
      learner.shape.model.isEmpty || other.shape.model.isEmpty
        || learner.shape.model == other.shape.model
    else { throw .shape(learner.shape.description, other.shape.description) }
    guard learner.predictors == other.predictors else {
      throw .setting(
        "list of predictors", learner.predictors.joined(separator: ","),
        other.predictors.joined(separator: ","))
    }
    guard learner.recallAt == other.recallAt else {
      throw .setting(
        "list of recall@n", learner.recallAt.map(String.init).joined(separator: ","),
        other.recallAt.map(String.init).joined(separator: ","))
    }
    guard learner.requests.capacity == other.requests.capacity else {
      throw .setting(
        "number of live requests", String(learner.requests.capacity),
        String(other.requests.capacity))
    }
    let tokens = learner.progress.tokens + other.progress.tokens
    guard tokens <= UInt64(LayerCounts.maximumTokens) else { throw .full(tokens) }
    guard learner.progress.chunks + other.progress.chunks <= UInt64(Learner.maximumChunks) else {
      throw .tooMuch("chunks")
    }
    for predictor in learner.predictors.indices
    where learner.lossSteps(of: predictor) + other.lossSteps(of: predictor)
      > Learner.maximumLossSteps
    {
      throw .tooMuch("the log loss of \(learner.predictors[predictor])")
    }
    guard zip(learner.models, other.models).allSatisfy({ $0.hasRoom(for: $1) }) else {
      throw .tooMuch("the counts of a predictor")
    }
    let shared = Self.shared(learner.progress.checksums, other.progress.checksums)
    guard shared == 0 else { throw .overlap(shared) }
  }

  /// How many chunks both have learnt; 0 where chance alone would make as many digests equal.
  ///
  /// Digests have 32 bits, so among n and m chunks nm / 2^32 pairs agree by chance.
  private static func shared(_ one: [UInt32], _ other: [UInt32]) -> Int {
    let seen = Set(one)
    let shared = other.count { seen.contains($0) }
    let chance = Double(one.count) * Double(other.count) / 4_294_967_296
    return Double(shared) > 10 * chance ? shared : 0
  }

  /// A learner without what belongs to its own stream only.
  private static func closed(_ learner: Learner) -> Learner {
    var progress = learner.progress
    progress.checksums.sort()
    return Self.learner(
      learner, shape: learner.shape, layers: learner.layers,
      models: learner.models.map(\.mergeablePart), progress: progress)
  }

  /// A learner of the settings of `old` and everything else given.
  private static func learner(
    _ old: Learner, shape: TraceShape, layers: [LayerLearner], models: [LearntModel],
    progress: StreamProgress
  ) -> Learner {
    Learner(
      shape: shape, specs: old.specs, recallAt: old.recallAt, layers: layers, models: models,
      requests: old.requests.emptied, progress: progress, history: [])
  }
}
