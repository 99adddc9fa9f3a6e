import RoutingTrace

/// How batches are filled from a pool of requests.
public enum BatchPolicy: Hashable, Sendable {
  /// Slot v replays request v mod N for ever, `stride` tokens apart within `period` where several
  /// slots replay one request: the reference's rule with its defaults.
  case replay(stride: Int = 45, period: Int = 128)
  /// Continuous batching: a slot decodes its request to the end and takes the next one of an endless
  /// queue, in which the pool's requests come round again and again, shuffled anew each time.
  case continuous(seed: UInt64)

  /// The tokens of every step, one a slot.
  ///
  /// - Precondition: the pool holds a request; `size` and `steps` are positive.
  public func batches(of pool: RequestPool, size: Int, steps: Int) -> [[Int]] {
    switch self {
    case .replay(let stride, let period):
      (0..<steps).map { pool.batch(size: size, step: $0, stride: stride, period: period) }
    case .continuous(let seed):
      Self.continuous(pool, size: size, steps: steps, seed: seed)
    }
  }

  private static func continuous(_ pool: RequestPool, size: Int, steps: Int, seed: UInt64)
    -> [[Int]]
  {
    var random = SeededGenerator(seed: seed)
    var queue: [Int] = []
    func next() -> Int {
      if queue.isEmpty { queue = Array(0..<pool.requests).shuffled(using: &random) }
      return queue.removeLast()
    }
    var running = (0..<size).map { _ in (request: next(), position: 0) }
    // A batch that starts empty would decode in lockstep, so slots begin somewhere in their request.
    for slot in running.indices {
      running[slot].position = Int.random(
        in: 0..<pool.length(running[slot].request), using: &random)
    }
    return (0..<steps).map { _ in
      running.indices.map { slot in
        let token = pool.starts[running[slot].request] + running[slot].position
        running[slot].position += 1
        if running[slot].position == pool.length(running[slot].request) {
          running[slot] = (next(), 0)
        }
        return token
      }
    }
  }
}
