import Counting
import RoutingTrace

/// The tasks of a trace, numbered in the order in which they are first told.
struct TaskNames: Sendable {
  /// Tasks told apart; requests of further ones count as of none.
  static let capacity = 1024

  /// The tasks' names by number.
  private(set) var names: [String] = []
  /// Whether there were more tasks than are told apart.
  private(set) var isFull = false
  /// Numbers by `Counting/TaskName/hash(_:)`.
  private var numbers: [UInt64: Int] = [:]

  /// Names in a known order.
  init(_ names: [String] = [], isFull: Bool = false) {
    for name in names { add(name) }
    self.isFull = self.isFull || isFull
  }

  /// Takes in the tasks of the next shard; the number here of each of them, nil for those that are
  /// not told apart.
  mutating func join(_ other: TaskNames) -> [Int?] {
    isFull = isFull || other.isFull
    return other.names.map { name in
      add(name)
      return numbers[TaskName.hash(name)]
    }
  }

  /// The block's tokens in stretches of one stage and task, and what its labels say for later.
  mutating func stretches(of block: EventBlock) -> [TokenStretch] {
    for label in block.labels where !label.task.isEmpty { add(label.task) }
    var stretches: [TokenStretch] = []
    var first = 0
    for (run, owner) in zip(block.runs, block.runOwners) where run.count > 0 {
      let task = numbers[owner.task]
      let tokens = first..<first + run.count
      first += run.count
      if let last = stretches.last, last.stage == run.stage, last.task == task {
        stretches[stretches.count - 1].tokens = last.tokens.lowerBound..<tokens.upperBound
      } else {
        stretches.append(TokenStretch(tokens: tokens, stage: run.stage, task: task))
      }
    }
    return stretches
  }

  /// Gives a task the next number, while there are numbers left.
  private mutating func add(_ task: String) {
    let hash = TaskName.hash(task)
    guard numbers[hash] == nil else { return }
    guard names.count < Self.capacity else {
      isFull = true
      return
    }
    numbers[hash] = names.count
    names.append(task)
  }
}
