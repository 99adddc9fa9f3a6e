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
  /// MoE layers that run (L), the first ones of the pool's.
  public let layers: Int
  /// Experts of a layer (E), and those that a token chooses (K).
  package let experts: Int
  let topK: Int
  /// Tokens of the pool that are their request's first.
  let firsts: Set<Int>
  /// Requests of every expert: a plane a step, a row a layer.
  private let counts: [Int32]
  private let place: RowMajor

  /// Fills the batches of `steps` steps and counts what they ask for.
  ///
  /// - Parameter layers: MoE layers that run, the first ones; nil for all of the pool's.
  /// - Precondition: the pool holds a request; `size` and `steps` are positive; `layers` is one of
  ///   the pool's.
  /// - Complexity: O(steps * layers * size * topK).
  public init(
    _ pool: RequestPool, size: Int, steps: Int, policy: BatchPolicy = .replay(), layers: Int? = nil
  ) {
    let layers = layers ?? pool.shape.layers
    precondition((1...pool.shape.layers).contains(layers), "layers that the pool has not")
    tokens = policy.batches(of: pool, size: size, steps: steps)
    distinct = tokens.map { DistinctTokens($0) }
    firsts = Set(pool.starts)
    let shape = pool.shape
    (self.layers, experts, topK) = (layers, shape.experts, shape.topK)
    let place = RowMajor(rows: layers, columns: shape.experts)
    var counts = Array(repeating: Int32(0), count: steps * layers * shape.experts)
    for step in 0..<steps {
      for layer in 0..<layers {
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

  /// Requests of the pool with a token in any step from `first` on.
  ///
  /// - Parameter pool: The one that the schedule was made from.
  /// - Complexity: O(distinct tokens * log requests).
  public func requests(of pool: RequestPool, from first: Int = 0) -> Int {
    Set(distinct.dropFirst(first).flatMap { $0.tokens.map(pool.request(ofToken:)) }).count
  }

  /// Requests of every expert at one step and layer.
  public func counts(step: Int, layer: Int) -> [Int] { counts[place[step, layer]].map(Int.init) }

  /// The first step after `step` at which `key`'s layer asks for its expert; nil if none does.
  ///
  /// - Complexity: O(steps).
  package func nextUse(of key: ExpertKey, after step: Int) -> Int? {
    (step + 1..<max(steps, step + 1)).first { counts[place[$0, key.layer, key.expert]] > 0 }
  }
}
