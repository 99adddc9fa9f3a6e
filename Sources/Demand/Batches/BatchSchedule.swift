import RoutingTrace

/// The tokens of every step of a run and how many requests each expert gets.
///
/// Which experts are asked for does not depend on where weights lie, so one schedule serves every
/// configuration of the same batch size, steps and policy.
///
/// ```swift
/// let schedule = BatchSchedule(pool, size: 4096, steps: 16)
/// let counts = schedule.counts(step: 0, layer: 3)
/// ```
public struct BatchSchedule: Sendable {
  /// Token of every batch slot, by step.
  public let tokens: [[Int]]
  /// The same without repetition, by step.
  package let distinct: [DistinctTokens]
  /// MoE layers (L).
  package let layers: Int
  /// Experts of a layer (E).
  package let experts: Int
  /// Requests of every expert: a plane a step, a row a layer.
  private let counts: [Int32]
  private let place: RowMajor

  /// Fills the batches of `steps` steps and counts what they ask for.
  ///
  /// - Precondition: the pool holds a request; `size` and `steps` are positive.
  /// - Complexity: O(steps * layers * size * topK).
  public init(
    _ pool: RequestPool, size: Int, steps: Int, policy: BatchPolicy = .replay()
  ) {
    tokens = policy.batches(of: pool, size: size, steps: steps)
    distinct = tokens.map { DistinctTokens($0) }
    let shape = pool.shape
    (layers, experts) = (shape.layers, shape.experts)
    let place = RowMajor(rows: shape.layers, columns: shape.experts)
    var counts = Array(repeating: Int32(0), count: steps * shape.layers * shape.experts)
    for step in 0..<steps {
      for layer in 0..<shape.layers {
        for id in pool.chosen(by: tokens[step], layer: layer) where Int(id) < shape.experts {
          counts[place[step, layer, Int(id)]] += 1
        }
      }
    }
    self.counts = counts
    self.place = place
  }

  /// Slots of a batch.
  public var size: Int { tokens.first?.count ?? 0 }

  /// Steps scheduled.
  public var steps: Int { tokens.count }

  /// Requests of every expert at one step and layer.
  public func counts(step: Int, layer: Int) -> [Int] { counts[place[step, layer]].map(Int.init) }

  /// The first step after `step` at which `key`'s layer asks for its expert; nil if none does.
  ///
  /// - Complexity: O(steps).
  package func nextUse(of key: ExpertKey, after step: Int) -> Int? {
    (step + 1..<max(steps, step + 1)).first { counts[place[$0, key.layer, key.expert]] > 0 }
  }
}
