/// The open choices of the paper's Algorithm 1 with the reference's defaults.
///
/// ```swift
/// simulation.options.allocation.blockSize = 20
/// ```
public struct AllocationOptions: Hashable, Sendable {
  /// What a block costs on a die, of the die's compute, memory and link times.
  public enum Cost: String, CaseIterable, Sendable {
    /// The latest of the times at which its parts would end (estimated completion).
    case completion = "ect"
    /// Their sum.
    case sum
  }

  /// In which order experts get their dies.
  public enum Order: String, CaseIterable, Sendable {
    /// Ascending request count, as in the paper.
    case requests
    /// Fewest holders first, those with most requests first among them: experts that have a choice
    /// come last and fill the gaps.
    case holders
  }

  /// In which order experts get their dies.
  public var order = Order.requests
  /// Requests dealt at once.
  public var blockSize = 50
  /// An expert may be split once for every `blocksPerSplit` blocks it has, at least once.
  public var blocksPerSplit = 1
  /// Hops from a holder to a candidate.
  public var candidateDistance = 1
  /// Whether a holder always stays among the candidates.
  public var keepsHolder = true
  /// What a block costs on a die.
  public var cost = Cost.completion

  /// The reference's choices.
  public init() {}
}

/// Algorithm 1: experts by ascending request count; candidates are the dies that hold the expert
/// and their neighbours, sorted by load and cut to the number of splits; blocks of requests go one
/// by one to the candidate of least cost. Tasks in the order in which they arise; sources are not
/// set.
package func allocationPlan(
  counts: [Int], holders: Holders, expert cost: ExpertCost, options: AllocationOptions,
  on fabric: Fabric
) -> [ExpertTask] {
  var scheduler = ListScheduler(cost: cost, options: options, fabric: fabric)
  var plan = PlanBuilder(experts: counts.count, dies: fabric.dies)
  let order = counts.indices.filter { counts[$0] > 0 }.sorted { first, second in
    switch options.order {
    case .requests: (counts[first], first) < (counts[second], second)
    case .holders:
      (holders[first].count, counts[second], first)
        < (holders[second].count, counts[first], second)
    }
  }
  for expert in order {
    scheduler.deal(counts[expert], holding: holders[expert]) { plan.give($0, of: expert, to: $1) }
  }
  return plan.tasks
}
