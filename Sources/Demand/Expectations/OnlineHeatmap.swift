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
    let experts = transitions.experts
    let first = sums.numbers(ofLayer: layer).lowerBound
    transitions.withLayer(layer) { cells in
      sums.values.withUnsafeMutableBufferPointer { sums in
        last[layer].withUnsafeBufferPointer { last in
          chosen.withUnsafeBufferPointer { chosen in
            for succession in successions {
              let before = succession.isInStepBefore ? last : chosen
              let (from, to) = (succession.from * topK, succession.to * topK)
              guard from + topK <= before.count, to + topK <= chosen.count else { continue }
              let times = UInt32(truncatingIfNeeded: succession.slots)
              for at in from..<from + topK {
                // Empty slots are no experts.
                let expert = Int(before[at])
                guard expert < experts else { continue }
                var followers: UInt64 = 0
                for next in to..<to + topK {
                  let follower = Int(chosen[next])
                  guard follower < experts else { continue }
                  let cell = expert &* experts &+ follower
                  let (sum, isBeyond) = cells[cell].addingReportingOverflow(times)
                  cells[cell] = isBeyond ? .max : sum
                  followers &+= 1
                }
                sums[first + expert] += UInt64(succession.slots) * followers
              }
            }
          }
        }
      }
    }
    last[layer] = chosen
  }

  /// The experts that most often followed `expert` so far, `count` at most, the most frequent first,
  /// lower ids first on ties; none that never did.
  ///
  /// - Complexity: O(experts * count); about O(experts) where few of a row are frequent.
  package func followers(layer: Int, expert: Int, count: Int) -> [Int] {
    var best: [(times: UInt32, follower: Int)] = []
    guard count > 0 else { return [] }
    best.reserveCapacity(count + 1)
    for (follower, times) in transitions.row(layer, expert).enumerated() where times > 0 {
      if best.count == count, times <= best[count - 1].times { continue }
      var place = best.count
      while place > 0, best[place - 1].times < times { place -= 1 }
      best.insert((times, follower), at: place)
      if best.count > count { best.removeLast() }
    }
    return best.map(\.follower)
  }

  /// The sum of a row.
  package func sum(layer: Int, expert: Int) -> Double {
    Double(sums[ExpertKey(layer: layer, expert: expert)])
  }

  /// The share of `follower` in the row of `expert`.
  package func share(layer: Int, expert: Int, follower: Int) -> Double {
    let row = transitions.row(layer, expert)
    return Double(row[row.startIndex + follower])
      / Double(max(1, sums[ExpertKey(layer: layer, expert: expert)]))
  }
}
