import RoutingTrace

/// The tokens of every step of a run and how many requests each expert gets.
public struct BatchSchedule: Sendable {
  /// Token of every batch slot, by step.
  public let tokens: [[Int]]
  /// The same without repetition, by step.
  let distinct: [DistinctTokens]
  /// Requests of every expert: `steps * layers * experts`.
  let counts: [Int32]
  let layers: Int
  let experts: Int

  /// - Precondition: the pool holds a request; `size` and `steps` are positive.
  public init(
    _ pool: RequestPool, size: Int, steps: Int, policy: BatchPolicy = .replay()
  ) {
    tokens = policy.batches(of: pool, size: size, steps: steps)
    distinct = tokens.map { DistinctTokens($0) }
    let shape = pool.shape
    (layers, experts) = (shape.layers, shape.experts)
    var counts = Array(repeating: Int32(0), count: steps * shape.layers * shape.experts)
    for step in 0..<steps {
      for layer in 0..<shape.layers {
        let row = (step * shape.layers + layer) * shape.experts
        for id in pool.chosen(by: tokens[step], layer: layer) where Int(id) < shape.experts {
          counts[row + Int(id)] += 1
        }
      }
    }
    self.counts = counts
  }

  /// Slots of a batch.
  public var size: Int { tokens.first?.count ?? 0 }

  /// Steps scheduled.
  public var steps: Int { tokens.count }

  /// Requests of every expert at one step and layer.
  public func counts(step: Int, layer: Int) -> [Int] {
    let row = (step * layers + layer) * experts
    return counts[row..<row + experts].map(Int.init)
  }

  /// The first step after `step` at which `layer` asks for `expert`; `Int.max` if none does.
  func nextUse(of expert: Int, layer: Int, after step: Int) -> Int {
    var next = step + 1
    while next < steps {
      if counts[(next * layers + layer) * experts + expert] > 0 { return next }
      next += 1
    }
    return .max
  }
}
