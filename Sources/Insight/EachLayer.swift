import Dispatch

/// Calls `body` with every number below `count`, split over threads in stretches.
func eachLayer(_ count: Int, workers: Int, _ body: @Sendable (Int) -> Void) {
  let workers = max(1, min(workers, count))
  DispatchQueue.concurrentPerform(iterations: workers) { worker in
    for layer in count * worker / workers..<count * (worker + 1) / workers { body(layer) }
  }
}
