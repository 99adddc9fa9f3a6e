import RoutingTrace

/// A token heatmap counted while batches go by: of every token that a batch holds and whose
/// request's token before it was in the same step or the one before, nothing of the future.
///
/// Whoever runs the schedule calls ``observe(step:layer:chosen:)`` for every layer of every step in
/// order. Slots that hold the same token count each.
package struct OnlineHeatmap: Sendable {
  /// What has been counted.
  package private(set) var transitions: TransitionCounts
  /// The sum of every row.
  private var sums: ByExpert<UInt64>
  private let schedule: BatchSchedule
  private var step = -1
  /// Of the step at hand.
  private var successions: [BatchSchedule.Succession] = []
  /// By layer: what the slots of its last step chose.
  private var last: [[UInt16]]

  /// Nothing counted yet.
  ///
  /// - Parameter isCounting: Whether anything will be; else it takes no memory.
  package init(_ schedule: BatchSchedule, isCounting: Bool = true) {
    let (layers, experts) = (isCounting ? schedule.layers : 0, schedule.experts)
    self.schedule = schedule
    transitions = TransitionCounts(
      layers: layers, experts: experts,
      counts: Array(repeating: 0, count: layers * experts * experts))
    sums = ByExpert(repeating: 0, layers: layers, experts: experts)
    last = Array(repeating: [], count: layers)
  }

  /// Counts what a layer of a step chose, `slots * topK` ids.
  package mutating func observe(step: Int, layer: Int, chosen: [UInt16]) {
    if step != self.step {
      self.step = step
      successions = schedule.successions(step: step)
    }
    let topK = chosen.count / max(1, schedule.size)
    for succession in successions {
      let before = succession.isInStepBefore ? last[layer] : chosen
      let (from, to) = (succession.from * topK, succession.to * topK)
      guard from + topK <= before.count else { continue }
      for expert in before[from..<from + topK] where Int(expert) < transitions.experts {
        for follower in chosen[to..<to + topK] where Int(follower) < transitions.experts {
          transitions.add(UInt32(succession.slots), layer, Int(expert), Int(follower))
          sums[ExpertKey(layer: layer, expert: Int(expert))] += UInt64(succession.slots)
        }
      }
    }
    last[layer] = chosen
  }

  /// The experts that most often followed `expert` so far, `count` at most, the most frequent first,
  /// lower ids first on ties; none that never did.
  ///
  /// - Complexity: O(experts + followers * log followers).
  package func followers(layer: Int, expert: Int, count: Int) -> [Int] {
    transitions.row(layer, expert).enumerated().filter { $0.element > 0 }
      .sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }.prefix(count).map(\.offset)
  }

  /// The share of `follower` in the row of `expert`.
  package func share(layer: Int, expert: Int, follower: Int) -> Double {
    let row = transitions.row(layer, expert)
    return Double(row[row.startIndex + follower])
      / Double(max(1, sums[ExpertKey(layer: layer, expert: expert)]))
  }
}
