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
    /// A token that the pool leaves out, being of the other stage or not recorded.
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
    /// Stretches of positions without a gap whose tokens are in the pool, ascending, each with the
    /// tokens of the request that stand there before it.
    var kept: [(positions: Range<Int>, before: Int)] = []
    /// The first of them in the pool.
    var firstToken = 0

    /// Tokens of the request in the pool.
    var count: Int { kept.last.map { $0.before + $0.positions.count } ?? 0 }

    /// Adds tokens of the pool, behind all others.
    mutating func keep(_ positions: Range<Int>) {
      if let last = kept.last, last.positions.upperBound == positions.lowerBound {
        kept[kept.count - 1].positions = last.positions.lowerBound..<positions.upperBound
      } else {
        kept.append((positions, count))
      }
    }

    /// The token of the pool at a position; nil where it is not in the pool.
    func token(at position: Int) -> Int? {
      var (first, last) = (0, kept.count)
      while last - first > 1 {
        let middle = (first + last) / 2
        if kept[middle].positions.lowerBound <= position { first = middle } else { last = middle }
      }
      guard last > first, kept[first].positions.contains(position) else { return nil }
      return firstToken + kept[first].before + position - kept[first].positions.lowerBound
    }
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
      var extent = extents.removeValue(forKey: run.request) ?? Extent(all: positions)
      extent.all = extent.all.lowerBound..<positions.upperBound
      if isKept {
        if extent.kept.isEmpty { order.append(run.request) }
        extent.keep(positions)
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
      first += extents[request]?.count ?? 0
    }
    return PoolMap(extents: extents)
  }
}

/// The places of a pool's tokens; see ``PoolPositions``.
public struct PoolMap: Sendable {
  fileprivate let extents: [UInt64: PoolPositions.Extent]

  /// Where the token at `position` of a request stands.
  ///
  /// - Complexity: O(log stretches) for a request whose positions have gaps.
  public func callAsFunction(_ request: UInt64, _ position: Int) -> PoolPositions.Place {
    guard let extent = extents[request] else { return .noRequest }
    if let token = extent.token(at: position) { return .token(token) }
    return extent.all.contains(position) ? .leftOut : .outside(extent.all)
  }
}
