import Demand
import RoutingTrace

/// What a batch of requests reads of the experts, turn by turn: a turn is a layer of a step.
struct ExpertStream: Sendable {
  /// The tokens of every step.
  let steps: [[Int]]
  /// What every turn reads, step by step and layer by layer: each expert once, in the order of the
  /// tokens' slots.
  let turns: [[ExpertKey]]
  private let layers: Int

  /// All of the pool's tokens, `slots` requests at a time.
  init(_ pool: RequestPool, slots: Int) {
    let shape = pool.shape
    steps = pool.sideBySide(slots)
    layers = shape.layers
    var turns: [[ExpertKey]] = []
    turns.reserveCapacity(steps.count * shape.layers)
    var lastTurn = ByExpert(repeating: -1, layers: shape.layers, experts: shape.experts)
    for tokens in steps {
      for layer in 0..<shape.layers {
        var keys: [ExpertKey] = []
        for token in tokens {
          for id in pool.choice(of: token, layer: layer) where Int(id) < shape.experts {
            let key = ExpertKey(layer: layer, expert: Int(id))
            guard lastTurn[key] != turns.count else { continue }
            lastTurn[key] = turns.count
            keys.append(key)
          }
        }
        turns.append(keys)
      }
    }
    self.turns = turns
  }

  /// Reads of all turns.
  var reads: Int { turns.reduce(0) { $0 + $1.count } }

  /// What a layer of a step reads.
  func turn(step: Int, layer: Int) -> [ExpertKey] { turns[step * layers + layer] }

  /// When each read's key is read next, and when each key is read first, reads numbered from 0;
  /// beyond the end if never.
  func nextReads(_ shape: TraceShape) -> (next: [Int], first: ByExpert<Int>) {
    let reads = turns.flatMap { $0 }
    var next = Array(repeating: 0, count: reads.count)
    var last = ByExpert(
      repeating: Int.max >> 1, layers: shape.layers, experts: shape.experts)
    for time in reads.indices.reversed() {
      next[time] = last[reads[time]]
      last[reads[time]] = time
    }
    return (next, last)
  }
}
