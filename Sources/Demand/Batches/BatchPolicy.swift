import RoutingTrace

/// How batches are filled from a pool of requests.
///
/// ```swift
/// let batches = BatchPolicy.continuous(seed: 1).batches(of: pool, size: 64, steps: 100)
/// ```
public enum BatchPolicy: Hashable, Sendable {
  /// Slot v replays request v mod N for ever, `stride` tokens apart within `period` where several
  /// slots replay one request: the reference's rule with its defaults.
  case replay(stride: Int = 45, period: Int = 128)
  /// Continuous batching: a slot decodes its request to the end and takes the next one of an
  /// endless queue, in which the pool's requests come round again and again, shuffled anew each
  /// time.
  case continuous(seed: UInt64)
  /// Chunked prefill: a step has room for as many tokens as the batch is large. Requests under way
  /// come first, in the order in which they began, with at most `chunk` of their next tokens each;
  /// then requests of the same endless queue begin, until the room is filled. What does not fit
  /// waits.
  case prefillChunks(of: Int, seed: UInt64)

  /// The tokens of every step, one a slot.
  ///
  /// - Returns: `steps` batches of `size` tokens, numbered as in the pool.
  /// - Precondition: the pool holds a request; `size`, `steps` and chunks are positive.
  public func batches(of pool: RequestPool, size: Int, steps: Int) -> [[Int]] {
    switch self {
    case .replay(let stride, let period):
      (0..<steps).map { pool.batch(size: size, step: $0, stride: stride, period: period) }
    case .continuous(let seed):
      Self.continuous(pool, size: size, steps: steps, seed: seed)
    case .prefillChunks(let chunk, let seed):
      Self.prefillChunks(pool, chunk: chunk, size: size, steps: steps, seed: seed)
    }
  }

  private static func continuous(_ pool: RequestPool, size: Int, steps: Int, seed: UInt64)
    -> [[Int]]
  {
    var queue = EndlessQueue(requests: pool.requests, seed: seed)
    var running = (0..<size).map { _ in (request: queue.next(), position: 0) }
    // A batch that starts empty would decode in lockstep, so slots begin somewhere in their
    // request.
    for slot in running.indices {
      running[slot].position = Int.random(
        in: 0..<pool.length(running[slot].request), using: &queue.random)
    }
    return (0..<steps).map { _ in
      running.indices.map { slot in
        let token = pool.starts[running[slot].request] + running[slot].position
        running[slot].position += 1
        if running[slot].position == pool.length(running[slot].request) {
          running[slot] = (queue.next(), 0)
        }
        return token
      }
    }
  }

  private static func prefillChunks(
    _ pool: RequestPool, chunk: Int, size: Int, steps: Int, seed: UInt64
  ) -> [[Int]] {
    var queue = EndlessQueue(requests: pool.requests, seed: seed)
    var running: [(request: Int, position: Int)] = []
    return (0..<steps).map { _ in
      var tokens: [Int] = []
      tokens.reserveCapacity(size)
      var turn = 0
      while tokens.count < size {
        if turn == running.count { running.append((queue.next(), 0)) }
        let (request, position) = running[turn]
        let count = min(chunk, size - tokens.count, pool.length(request) - position)
        let first = pool.starts[request] + position
        tokens += first..<first + count
        running[turn].position += count
        turn += 1
      }
      running.removeAll { $0.position == pool.length($0.request) }
      return tokens
    }
  }
}

/// The pool's requests again and again, shuffled anew each time.
package struct EndlessQueue {
  let requests: Int
  var random: SeededGenerator
  private var round: [Int] = []

  package init(requests: Int, seed: UInt64) {
    self.requests = requests
    random = SeededGenerator(seed: seed)
  }

  package mutating func next() -> Int {
    if round.isEmpty { round = Array(0..<requests).shuffled(using: &random) }
    return round.removeLast()
  }
}
