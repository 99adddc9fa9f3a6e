import Forecast
import RoutingTrace

/// Which task the requests under way belong to.
struct TaskBook: Sendable {
  /// Tasks told apart; requests of further ones count as of none.
  static let capacity = 1024

  /// The tasks' names by number.
  private(set) var names: [String] = []
  /// Whether there were more tasks than are told apart.
  private(set) var isFull = false
  private var numbers: [String: Int] = [:]
  /// The tasks of requests under way, by their numbers.
  private var requests: RequestBook<Int>

  init(liveRequests: Int) { requests = RequestBook(capacity: liveRequests) }

  /// The block's tokens in stretches, and what its labels say for later.
  mutating func stretches(of block: EventBlock) -> [TokenStretch] {
    var told: [UInt64: Int] = [:]
    for label in block.labels where !label.task.isEmpty {
      told[label.request] = number(of: label.task)
    }
    var stretches: [TokenStretch] = []
    var first = 0
    for run in block.runs {
      let task = told.removeValue(forKey: run.request) ?? requests[run.request]
      if let task { requests.note(run.request, task) }
      let tokens = first..<first + run.count
      first += run.count
      if let last = stretches.last, last.stage == run.stage, last.task == task {
        stretches[stretches.count - 1].tokens = last.tokens.lowerBound..<tokens.upperBound
      } else if !tokens.isEmpty {
        stretches.append(TokenStretch(tokens: tokens, stage: run.stage, task: task))
      }
      if run.endsRequest { requests.remove(run.request) }
    }
    return stretches
  }

  private mutating func number(of task: String) -> Int? {
    if let number = numbers[task] { return number }
    guard names.count < Self.capacity else {
      isFull = true
      return nil
    }
    numbers[task] = names.count
    names.append(task)
    return names.count - 1
  }
}
