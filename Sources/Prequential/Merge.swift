import Counting
import Forecast
import RoutingTrace

/// One learner of those that were trained on shards of a stream.
///
/// ```swift
/// let learner = try Merge.learner(of: [monday, tuesday, wednesday])
/// print(learner.total(\.tokens), learner.streams)
/// ```
///
/// Counts are integers and add up exactly. Weights and stored paths of mixtures are averaged and
/// shared out by tokens (`Forecast/ForecastModel/join(_:share:)`), shard by shard in the order of
/// their digests. So the order in which shards are given changes nothing, not a byte of the file;
/// merging merges gives the same counts, and weights that are nearly those of all shards at once.
///
/// What belongs to one stream only is not carried on. The shards become one ``Generation`` of the
/// learner's past, requests under way are forgotten, as if each shard's had ended, and there are no
/// metrics: those of the shards were measured by learners that knew less.
public struct Merge {
  /// Why a learner cannot be merged with others.
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
    /// It is not the shard that was planned for.
    case changed

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
      case .changed: "it became another model while it was merged"
      }
    }

    /// What the user can do.
    public var remedy: String {
      switch self {
      case .shape: "merge shards of one model"
      case .setting: "train all shards with the same settings"
      case .overlap: "leave one of them out"
      case .full, .tooMuch: "merge fewer shards"
      case .changed: "merge again when nobody writes it"
      }
    }

    /// Both in one line.
    public var description: String { "\(problem); \(remedy)" }
  }

  /// The merge of learners in memory.
  ///
  /// - Precondition: there is at least one.
  /// - Throws: ``Problem``.
  /// - Complexity: O(bytes of the tables of all), and O(n log n) for n chunks.
  public static func learner(of shards: [Learner]) throws(Problem) -> Learner {
    var plan = MergePlan()
    for shard in shards { try plan.add(MergePlan.Shard(shard)) }
    var merge = Merge(plan)
    for index in plan.order { try merge.join(shards[index]) }
    guard let learner = merge.learner else { preconditionFailure("there is nothing to merge") }
    return learner
  }

  /// The shards that were joined so far, as one learner; nil before the first.
  public private(set) var learner: Learner?
  private let plan: MergePlan
  private let order: [Int]
  private let shares: [ShardShare]
  private var joined = 0

  /// A merge as planned, into which no shard has been joined.
  public init(_ plan: MergePlan) {
    self.plan = plan
    order = plan.order
    shares = plan.shares(in: order)
  }

  /// Joins the next shard of the plan's ``MergePlan/order``.
  ///
  /// - Throws: ``Problem`` where it is another, or its counts would overflow; the merge stays as it
  ///   was.
  /// - Complexity: O(bytes of the tables).
  public mutating func join(_ shard: Learner) throws(Problem) {
    guard joined < order.count, plan.shards[order[joined]] == MergePlan.Shard(shard) else {
      throw .changed
    }
    if let learner, !zip(learner.models, shard.models).allSatisfy({ $0.hasRoom(for: $1) }) {
      throw .tooMuch("the counts of a predictor")
    }
    // Taken out, since tables that two hold are copied by the first write.
    var sum = learner.take() ?? beginning(like: shard)
    for index in sum.layers.indices {
      sum.layers[index].counts.add(shard.layers[index].counts)
    }
    for index in sum.models.indices {
      sum.models[index].join(shard.models[index], share: shares[joined])
    }
    learner = sum
    joined += 1
  }

  /// A learner of a shard's settings that knows nothing yet of what it will be said to have learnt.
  private func beginning(like shard: Learner) -> Learner {
    Learner(
      shape: plan.shape ?? shard.shape, specs: shard.specs, recallAt: shard.recallAt,
      layers: shard.layers.map { layer in
        LayerLearner(
          counts: LayerCounts(experts: layer.counts.experts, tables: layer.counts.tables),
          metrics: layer.metrics.map { LayerMetrics(experts: $0.experts) })
      },
      models: shard.specs.settings.map { LearntModel($0, shape: shard.shape) },
      requests: shard.requests.emptied, progress: StreamProgress(), history: [], past: plan.past)
  }
}
