import Forecast
import RoutingTrace
import ShardSums
import Synchronization

/// Figures added up by group of requests, stage and predictor: what ``Comparison`` resamples.
struct GroupSums: Codable, Hashable, Sendable {
  /// What one predictor reached in one group.
  struct Row: Hashable, Sendable {
    /// Events scored, and their log loss in steps of 2^-24 bits.
    var events: UInt64 = 0
    var lossSteps: UInt64 = 0
    /// Experts chosen.
    var chosen: UInt64 = 0
    /// Chosen experts that stood among the n best, one value for each n.
    var hits: [UInt64]
  }

  /// How many predictors are compared.
  let predictors: Int
  /// The n of recall@n.
  let recallAt: [Int]
  /// `[group, stage, predictor, figure]` of the groups that have any.
  private(set) var values: [UInt64]

  /// Figures of a predictor: events, loss, chosen experts, hits at each n.
  private var figures: Int { 3 + recallAt.count }
  /// Values of a group.
  var width: Int { Stage.allCases.count * predictors * figures }

  init(predictors: Int, recallAt: [Int], values: [UInt64] = []) {
    self.predictors = predictors
    self.recallAt = recallAt
    self.values = values
  }

  /// Whether these can be sums of so many predictors: what a file says may be anything.
  func isSound(predictors: Int, recallAt: [Int]) -> Bool {
    self.predictors == predictors && self.recallAt == recallAt && width > 0
      && values.count % width == 0 && groups <= RequestGroups.count
      // All of them together are below 2^63 then.
      && values.allSatisfy { $0 < 1 << 48 }
  }

  /// Bytes that the sums of all groups take.
  static func bytes(predictors: Int, recallAt: Int) -> Int {
    RequestGroups.count * Stage.allCases.count * predictors * (3 + recallAt) * 8
  }

  /// Groups, those without figures among them.
  var groups: Int { width == 0 ? 0 : values.count / width }

  /// Adds what one predictor reached with tokens of one group and stage.
  mutating func add(_ metrics: LayerMetrics, group: Int, stage: Int, predictor: Int) {
    let missing = (group + 1) * width - values.count
    if missing > 0 { values += repeatElement(0, count: missing) }
    let first = group * width + (stage * predictors + predictor) * figures
    values[first] += metrics.events[stage]
    values[first + 1] += metrics.lossSteps[stage]
    let experts = metrics.experts
    metrics.ranks.withUnsafeBufferPointer { ranks in
      let own = ranks[stage * experts..<(stage + 1) * experts]
      values[first + 2] += own.reduce(0, &+)
      for (index, n) in recallAt.enumerated() {
        values[first + 3 + index] += own.prefix(n).reduce(0, &+)
      }
    }
  }

  /// Adds the groups of another shard behind the first `first` groups, from the last to the first
  /// again where there are too many.
  ///
  /// - Returns: whether all of it is within reach; nothing is added where not.
  mutating func add(_ other: GroupSums, from first: Int) -> Bool {
    var sum = values
    let needed = min(RequestGroups.count, first + other.groups) * width
    if needed > sum.count { sum += repeatElement(0, count: needed - sum.count) }
    for group in 0..<other.groups {
      let to = (first + group) % RequestGroups.count * width
      for figure in 0..<width { sum[to + figure] += other.values[group * width + figure] }
    }
    guard UInt64.areWithinReach(sum) else { return false }
    values = sum
    return true
  }

  /// One predictor's figures in `stages`, of every group that has events there.
  func rows(of predictor: Int, stages: [Stage]) -> [Row] {
    (0..<groups).compactMap { group in
      var sums = Row(hits: recallAt.map { _ in 0 })
      for stage in stages {
        let first =
          group * width + (Int(stage.rawValue) * predictors + predictor) * figures
        sums.events += values[first]
        sums.lossSteps += values[first + 1]
        sums.chosen += values[first + 2]
        for index in recallAt.indices { sums.hits[index] += values[first + 3 + index] }
      }
      return sums.events > 0 ? sums : nil
    }
  }
}

/// What a chunk's tokens add to ``GroupSums`` while its layers are scored on several threads.
///
/// Sums of integers do not depend on the order in which threads come to add.
final class GroupScores: Sendable {
  /// The group of each token.
  private let groups: [Int32]
  /// The raw value of each token's stage.
  private let stages: [UInt8]
  /// Of each token, whether the next one is of another group or stage, or there is none.
  private let isLast: [Bool]
  /// The sums, which threads add to one at a time.
  private let sums: Mutex<GroupSums>

  /// Begins with `sums`, for a chunk of these runs.
  init(groups: [Int32], runs: [TokenRun], sums: GroupSums) {
    let stages = runs.flatMap { repeatElement($0.stage.rawValue, count: $0.count) }
    self.groups = groups
    self.stages = stages
    isLast = groups.indices.map {
      $0 + 1 == groups.count || groups[$0] != groups[$0 + 1] || stages[$0] != stages[$0 + 1]
    }
    self.sums = Mutex(sums)
  }

  /// The tokens of one group and stage that follow each other, stretch by stretch.
  var stretches: [Range<Int>] {
    var first = 0
    return isLast.indices.filter { isLast[$0] }.map { last in
      defer { first = last + 1 }
      return first..<last + 1
    }
  }

  /// Whether a stretch ends with `token`.
  func ends(with token: Int) -> Bool { isLast[token] }

  /// Adds what a predictor reached with a stretch that ends with `token`.
  func add(_ metrics: LayerMetrics, endingWith token: Int, predictor: Int) {
    let (group, stage) = (Int(groups[token]), Int(stages[token]))
    sums.withLock { $0.add(metrics, group: group, stage: stage, predictor: predictor) }
  }

  /// Everything added so far.
  var total: GroupSums { sums.withLock { $0 } }
}
