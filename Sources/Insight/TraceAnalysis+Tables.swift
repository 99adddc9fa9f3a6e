import RoutingTrace

/// What charts show of the counts beside figures and heatmaps.
extension TraceAnalysis {
  /// How often every expert was chosen over the mean of its layer, `[layer, expert]`; 0 in a layer
  /// that nothing was counted in.
  ///
  /// - Parameter scope: whose tokens count.
  /// - Complexity: O(L E).
  public func popularity(in scope: Scope) -> [[Double]] {
    layers.map { tally in
      let frequency = ScopedCounts(tally, before: nil, in: scope).frequency
      let total = frequency.reduce(0.0) { $0 + Double($1) }
      return frequency.map {
        total > 0 ? Double($0) / total * Double(frequency.count) : 0
      }
    }
  }

  /// The probability that a token chooses an expert, `[layer, expert]`: its choices over the tokens
  /// counted.
  ///
  /// - Complexity: O(L E).
  public var chancesOfChoice: [[Double]] {
    layers.map { tally in
      let counts = ScopedCounts(tally, before: nil, in: .all)
      return counts.frequency.map { counts.tokens > 0 ? Double($0) / Double(counts.tokens) : 0 }
    }
  }

  /// How far tasks share their most used experts: of every two of the tasks with the most tokens
  /// the share of the `top` experts that both have, the mean over the layers, `[task, task]`.
  ///
  /// - Parameters:
  ///   - top: experts of a task and layer.
  ///   - most: tasks that are told.
  /// - Returns: nil where fewer than two tasks are known, or a layer has no more than `top` experts.
  /// - Complexity: O(L tasks (E log E + tasks top)).
  public func taskOverlaps(
    top: Int = 10, most: Int = 24
  ) -> (names: [String], shares: [[Double]])? {
    let tasks = Array(tasksByTokens.prefix(most))
    guard tasks.count > 1, top < shape.experts else { return nil }
    var sums = Array(repeating: Array(repeating: 0.0, count: tasks.count), count: tasks.count)
    for tally in layers {
      let tops = tasks.map { task in
        Set(Concentration.members(top, of: tally.taskFrequency(task.number)))
      }
      for first in tops.indices {
        for second in tops.indices {
          sums[first][second] += Double(tops[first].intersection(tops[second]).count)
        }
      }
    }
    let all = Double(top * layers.count)
    return (tasks.map(\.name), sums.map { $0.map { $0 / all } })
  }
}
