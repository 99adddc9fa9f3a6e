import RoutingTrace

/// Where a trace's tokens stand in the pool that is made of it: by the numbers that the trace gives
/// its requests, and positions in these.
///
/// ```swift
/// var positions = PoolPositions(stage: .decode)
/// while let chunk = try stream.next() { positions.add(chunk.block); collector.add(chunk.block) }
/// let place = positions.map()(7, 120)
/// ```
public struct PoolPositions: Sendable {
  /// What is known of a token.
  public enum Place: Hashable, Sendable {
    /// The token's number in the pool.
    case token(Int)
    /// A token of the trace that the pool leaves out, being of the other stage.
    case leftOut
    /// No request of the trace has the number.
    case noRequest
    /// The request has no token there; its positions are these.
    case outside(Range<Int>)
  }

  /// One request.
  fileprivate struct Extent {
    /// Positions of all its tokens.
    var all: Range<Int>
    /// Positions of those in the pool.
    var kept: Range<Int>
    /// The first of them in the pool.
    var firstToken = 0
  }

  private let stage: Stage?
  private var extents: [UInt64: Extent] = [:]
  /// Requests with tokens in the pool, in the order in which these began.
  private var order: [UInt64] = []

  /// No token yet.
  ///
  /// - Parameter stage: the stage that the pool keeps; nil for both.
  public init(stage: Stage?) { self.stage = stage }

  /// Notes a chunk's runs; all chunks that the pool is made of, in their order.
  public mutating func add(_ block: TokenBlock) {
    for run in block.runs where run.count > 0 {
      let positions = run.firstToken..<run.firstToken + run.count
      let isKept = stage == nil || run.stage == stage
      var extent = extents[run.request] ?? Extent(all: positions, kept: 0..<0)
      extent.all = extent.all.lowerBound..<positions.upperBound
      if isKept {
        if extent.kept.isEmpty { order.append(run.request) }
        let first = extent.kept.isEmpty ? positions.lowerBound : extent.kept.lowerBound
        extent.kept = first..<positions.upperBound
      }
      extents[run.request] = extent
    }
  }

  /// Looks places up, once all chunks were noted.
  public func map() -> PoolMap {
    var extents = extents
    var first = 0
    for request in order {
      extents[request]?.firstToken = first
      first += extents[request]?.kept.count ?? 0
    }
    return PoolMap(extents: extents)
  }
}

/// The places of a pool's tokens; see ``PoolPositions``.
public struct PoolMap: Sendable {
  fileprivate let extents: [UInt64: PoolPositions.Extent]

  /// Where the token at `position` of a request stands.
  ///
  /// - Complexity: O(1).
  public func callAsFunction(_ request: UInt64, _ position: Int) -> PoolPositions.Place {
    guard let extent = extents[request] else { return .noRequest }
    if extent.kept.contains(position) {
      return .token(extent.firstToken + position - extent.kept.lowerBound)
    }
    return extent.all.contains(position) ? .leftOut : .outside(extent.all)
  }
}
