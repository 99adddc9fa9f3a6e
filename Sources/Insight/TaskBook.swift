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
  private var requests: [UInt64: (task: Int, age: UInt64)] = [:]
  private var clock: UInt64 = 0
  /// Requests remembered at most.
  private let liveRequests: Int

  init(liveRequests: Int) { self.liveRequests = liveRequests }

  /// The block's tokens in stretches, and what its labels say for later.
  mutating func stretches(of block: EventBlock) -> [TokenStretch] {
    for label in block.labels where !label.task.isEmpty {
      clock += 1
      if let task = number(of: label.task) { requests[label.request] = (task, clock) }
    }
    var stretches: [TokenStretch] = []
    var first = 0
    for run in block.runs {
      let task = requests[run.request]?.task
      let tokens = first..<first + run.count
      first += run.count
      if let last = stretches.last, last.stage == run.stage, last.task == task {
        stretches[stretches.count - 1].tokens = last.tokens.lowerBound..<tokens.upperBound
      } else if !tokens.isEmpty {
        stretches.append(TokenStretch(tokens: tokens, stage: run.stage, task: task))
      }
      if run.endsRequest { requests[run.request] = nil }
    }
    forgetOldest()
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

  private mutating func forgetOldest() {
    guard requests.count > liveRequests else { return }
    let oldest = requests.sorted { $0.value.age < $1.value.age }
    for (request, _) in oldest.prefix(requests.count - liveRequests) { requests[request] = nil }
  }
}
