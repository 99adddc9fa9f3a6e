import Demand
import RoutingTrace

/// Placing experts anew every so many steps, by what the steps before asked for, with the moving of
/// weights counted.
///
/// Serving waits while a layer's weights move. A layer is worth moving where the steps just served
/// would have been shorter by more than the moving takes: the next ones are expected to be like them
/// (persistence).
public struct Replacement: Sendable {
  /// When weights move.
  public enum Policy: String, CaseIterable, Sendable {
    /// Never: the first placement stays.
    case never
    /// Every time.
    case always
    /// Layer by layer, where it is expected to pay.
    case paying
  }

  /// What a run came to.
  public struct Result: Hashable, Sendable {
    /// Seconds of all layers of all steps.
    public var servingSeconds = 0.0
    /// Seconds in which weights moved.
    public var movingSeconds = 0.0
    /// Bytes moved.
    public var movedBytes = 0.0
    /// Layers placed anew, and times that a layer could have been.
    public var movedLayers = 0
    public var chances = 0

    /// All of it.
    public var seconds: Double { servingSeconds + movingSeconds }
  }

  /// What times layers.
  public let judge: PlacementJudge
  /// The rule that places.
  public let algorithm: any PlacementAlgorithm
  /// Whether it needs pairs or successions.
  public let countsPairs: Bool
  public let countsSuccessions: Bool
  /// Steps between two placements (N).
  public let every: Int

  /// - Throws: ``PlacementError`` where `every` is no step.
  public init(
    _ judge: PlacementJudge, algorithm: any PlacementAlgorithm, countsPairs: Bool = false,
    countsSuccessions: Bool = false, every: Int
  ) throws(PlacementError) {
    guard every > 0 else {
      throw PlacementError(
        "experts cannot be placed every \(every) steps", remedy: "give 1 or more")
    }
    self.judge = judge
    self.algorithm = algorithm
    (self.countsPairs, self.countsSuccessions) = (countsPairs, countsSuccessions)
    self.every = every
  }

  /// Serves batches, from a first placement on.
  ///
  /// - Parameter batches: Tokens of every step, in order, numbered as in the pool.
  /// - Throws: ``PlacementError`` where the algorithm cannot place.
  public func run(
    from first: SlotMap, on pool: RequestPool, batches: [[Int]], _ policy: Policy
  ) throws(PlacementError) -> Result {
    var result = Result()
    var map = first
    for start in stride(from: 0, to: batches.count, by: every) {
      if start > 0, policy != .never {
        try replace(&map, pool, batches[(start - every)..<start], policy, &result)
      }
      let window = batches[start..<min(start + every, batches.count)]
      for layer in 0..<pool.shape.layers {
        result.servingSeconds += judge.seconds(of: layer, by: map, on: pool, batches: window)
      }
    }
    return result
  }

  /// Places anew by the window just served, layer by layer as the policy says.
  private func replace(
    _ map: inout SlotMap, _ pool: RequestPool, _ window: ArraySlice<[Int]>, _ policy: Policy,
    _ result: inout Result
  ) throws(PlacementError) {
    let tokens = Array(window.joined())
    let evidence = try PlacementEvidence(
      of: pool, tokens: tokens, batch: max(1, tokens.count / window.count),
      countsPairs: countsPairs, countsSuccessions: countsSuccessions)
    let new = try algorithm.place(evidence, on: map.layout).aligned(to: map)
    for layer in 0..<pool.shape.layers {
      let moves = WeightMoves(
        from: map, to: new, layer: layer, expert: judge.expert, on: judge.fabric)
      guard moves.experts > 0 else { continue }
      result.chances += 1
      if policy == .paying {
        let kept = judge.seconds(of: layer, by: map, on: pool, batches: window)
        let moved = judge.seconds(of: layer, by: new, on: pool, batches: window)
        guard kept - moved > moves.seconds else { continue }
      }
      map = try map.replacing(layer: layer, by: new)
      result.movedLayers += 1
      result.movingSeconds += moves.seconds
      result.movedBytes += moves.bytes
    }
  }
}
