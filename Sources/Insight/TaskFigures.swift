/// How far a task tells which experts it will use: observation 4's tasks and insight 6.
struct TaskFigures {
  /// The share of the tasks' choices that falls on each one's own top 20 %.
  private(set) var ownTop: Double
  /// The same of tasks as large, drawn from all tasks' popularity.
  private(set) var ownTopByChance: Double

  /// `[task][expert]`: how often each task chose each expert.
  private let tasks: [[UInt32]]
  /// Experts of the layer (E).
  private let experts: Int

  /// - Parameters:
  ///   - tasks: how often each expert was chosen, a row a task; at least one choice each.
  ///   - top: experts in the top 20 %.
  ///   - seed: of the rows drawn.
  init(_ tasks: [[UInt32]], top: Int, seed: UInt64) {
    self.tasks = tasks
    experts = tasks.first?.count ?? 0
    var popularity = [Double](repeating: 0, count: experts)
    for task in tasks { for expert in 0..<experts { popularity[expert] += Double(task[expert]) } }
    var chance = ChanceShare(popularity: popularity, top: top, seed: seed)
    var (held, heldByChance) = (0.0, 0.0)
    for task in tasks {
      guard let share = Concentration.share(ofTop: top, in: task) else { continue }
      let choices = task.reduce(0) { $0 + Double($1) }
      held += share * choices
      heldByChance += chance.share(ofSum: choices) * choices
    }
    let total = popularity.reduce(0, +)
    ownTop = held / total
    ownTopByChance = heldByChance / total
  }

  /// The share of their `n` most used experts that two tasks have in common, the mean over all two;
  /// nil where a layer has no more than `n`.
  func shared(_ n: Int) -> Double? {
    guard n < experts, tasks.count > 1 else { return nil }
    var holders = [Int](repeating: 0, count: experts)
    for task in tasks { for expert in Concentration.members(n, of: task) { holders[expert] += 1 } }
    // An expert among the top of m tasks is in common to m (m - 1) / 2 pairs of tasks.
    let common = holders.reduce(0) { $0 + $1 * ($1 - 1) / 2 }
    return Double(common) / Double(tasks.count * (tasks.count - 1) / 2) / Double(n)
  }
}
