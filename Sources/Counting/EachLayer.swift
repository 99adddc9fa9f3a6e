import Dispatch

extension Array {
  /// Calls `body` with every layer's number and state, the layers split over threads in stretches
  /// of neighbours.
  ///
  /// A layer's state is touched by one thread only; what becomes of it must not depend on the
  /// others', so that the number of threads changes nothing.
  ///
  /// - Complexity: O(layers / `workers`) calls of `body` on each thread.
  package mutating func forEachLayer(
    workers: Int, _ body: @Sendable (_ layer: Int, _ state: inout Element) -> Void
  ) {
    withUnsafeMutableBufferPointer { layers in
      // Each iteration touches its own layers only, so the buffer may be shared.
      nonisolated(unsafe) let layers = layers
      let workers = Swift.max(1, Swift.min(workers, layers.count))
      DispatchQueue.concurrentPerform(iterations: workers) { worker in
        for layer in layers.count * worker / workers..<layers.count * (worker + 1) / workers {
          body(layer, &layers[layer])
        }
      }
    }
  }
}
