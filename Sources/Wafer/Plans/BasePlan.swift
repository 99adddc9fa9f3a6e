/// How Base gives every die the same work, blind to where weights lie.
///
/// The paper does not say; blocks dealt in turn are the default because they come nearest to its
/// ratios.
public enum BaseRule: String, CaseIterable, Sendable {
  /// Blocks of requests, expert by expert, dealt to the dies in turn.
  case blocks = "rr"
  /// Every expert split evenly over all dies.
  case even = "all"
  /// Requests in the order of their experts, cut into D equal runs.
  case runs = "chunk"
  /// All of expert e to die e mod D: equal experts, not equal work.
  case modulo = "mod"
  /// Requests stay with the die that owns their batch slot.
  case dataParallel = "dp"
}

/// Base's plan for one layer, tasks in the order in which they arise; sources are not set.
///
/// - Parameters:
///   - counts: Requests of every expert (E).
///   - chosen: The experts of every batch slot, `slots * topK` ids; asked by the data-parallel rule.
func basePlan(
  counts: [Int], chosen: () -> [UInt16], topK: Int, rule: BaseRule, blockSize: Int, dies: Int
) -> [ExpertTask] {
  var plan = PlanBuilder(experts: counts.count, dies: dies)
  switch rule {
  case .blocks:
    var turn = 0
    for (expert, count) in counts.enumerated() {
      var left = count
      while left > 0 {
        let block = min(blockSize, left)
        plan.give(block, of: expert, to: turn % dies)
        left -= block
        turn += 1
      }
    }
  case .even:
    var turn = 0
    for (expert, count) in counts.enumerated() where count > 0 {
      let (share, rest) = count.quotientAndRemainder(dividingBy: dies)
      for die in 0..<dies {
        let requests = share + ((die - turn + dies) % dies < rest ? 1 : 0)
        if requests > 0 { plan.give(requests, of: expert, to: die) }
      }
      turn = (turn + rest) % dies
    }
  case .runs:
    let total = counts.reduce(0, +)
    var (position, die) = (0, 0)
    for (expert, count) in counts.enumerated() {
      var left = count
      while left > 0 {
        while position >= total * (die + 1) / dies { die += 1 }
        let run = min(left, total * (die + 1) / dies - position)
        plan.give(run, of: expert, to: die)
        left -= run
        position += run
      }
    }
  case .modulo:
    for (expert, count) in counts.enumerated() where count > 0 {
      plan.give(count, of: expert, to: expert % dies)
    }
  case .dataParallel:
    let chosen = chosen()
    let slots = chosen.count / topK
    for slot in 0..<slots {
      for expert in chosen[slot * topK..<(slot + 1) * topK] where Int(expert) < counts.count {
        plan.give(1, of: Int(expert), to: slot * dies / slots)
      }
    }
  }
  return plan.tasks
}

/// EP's plan: every expert computed by its home die, or, where homes are in the host, by die e mod
/// D.
func expertParallelPlan(counts: [Int], holders: Holders, dies: Int) -> [ExpertTask] {
  var tasks: [ExpertTask] = []
  for (expert, count) in counts.enumerated() where count > 0 {
    let home = holders.home(of: expert)
    let die = home < dies ? home : expert % dies
    tasks.append(ExpertTask(expert: expert, die: die, requests: count, source: home))
  }
  return tasks
}
