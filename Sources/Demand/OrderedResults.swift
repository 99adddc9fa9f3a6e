import Dispatch
import Synchronization

/// Works through turns on several threads, each taking the next one when it is free.
///
/// - Parameters:
///   - turns: The numbers 0..<n, each once, in the order in which they are to begin.
///   - workers: Threads; the values do not depend on it.
///   - progress: Called after every turn with the values so far, one call at a time.
///   - value: What a turn yields.
/// - Returns: The values in the order of their turns' numbers, whichever began first.
/// - Throws: The error of the lowest turn that failed; by then all have had their go.
package func orderedResults<Value: Sendable>(
  of turns: [Int], workers: Int, progress: @Sendable ([Value]) -> Void = { _ in },
  _ value: @Sendable (Int) throws(SimulationError) -> Value
) throws(SimulationError) -> [Value] {
  let none: [Result<Value, SimulationError>?] = Array(repeating: nil, count: turns.count)
  let work = Mutex((waiting: turns.makeIterator(), results: none))
  DispatchQueue.concurrentPerform(iterations: max(1, workers)) { _ in
    while let turn = work.withLock({ $0.waiting.next() }) {
      let result = Result { () throws(SimulationError) -> Value in try value(turn) }
      work.withLock { work in
        work.results[turn] = result
        progress(work.results.compactMap { try? $0?.get() })
      }
    }
  }
  var values: [Value] = []
  for result in work.withLock({ $0.results }) {
    if let result { values.append(try result.get()) }
  }
  return values
}
