import Glibc
import RoutingTrace

/// After how many tokens of its request an expert is chosen again: what a memory that holds a few
/// experts can hope for (the paper's insight 2).
///
/// ```swift
/// var distances = ReuseDistances(shape: stream.shape)
/// while let chunk = try stream.next() { distances.consume(chunk.block) }
/// print(distances.median(ofLayer: 3) ?? 0, distances.share(within: 8))
/// ```
///
/// A choice counts where the same request has chosen the expert before in the same layer. Memory is
/// L E positions for each request under way; of more than ``capacity`` at a time the later ones are
/// not followed.
public struct ReuseDistances: Sendable {
  /// Requests under way that are followed at most.
  public let capacity: Int
  /// Distances that are told apart; longer ones count as this.
  public static let longest = 1024
  /// Requests that were not followed.
  public private(set) var unfollowed = 0

  private let shape: TraceShape
  /// `[layer][distance]`.
  private var counts: [[UInt64]]
  /// By request under way, `[layer * E + expert]`: position of the last token that chose it, or -1.
  private var last: [UInt64: [Int32]] = [:]

  /// Distances of a stream of which nothing was seen.
  public init(shape: TraceShape, capacity: Int = 256) {
    self.shape = shape
    self.capacity = capacity
    counts = Array(
      repeating: Array(repeating: 0, count: Self.longest + 1), count: shape.layers)
  }

  /// Counts a chunk of the stream.
  ///
  /// - Precondition: the block is of this shape.
  /// - Complexity: O(T L K) for T tokens.
  public mutating func consume(_ block: TokenBlock) {
    precondition(block.shape.isCompatible(with: shape))
    var token = 0
    for run in block.runs {
      defer { token += run.count }
      var positions = last.removeValue(forKey: run.request)
      if positions == nil || run.begins {
        guard last.count < capacity else {
          if run.begins { unfollowed += 1 }
          continue
        }
        positions = Array(repeating: -1, count: shape.layers * shape.experts)
      }
      guard var positions else { continue }
      count(block, run, from: token, &positions)
      if !run.endsRequest { last[run.request] = positions }
    }
  }

  private mutating func count(
    _ block: TokenBlock, _ run: TokenRun, from first: Int, _ positions: inout [Int32]
  ) {
    for layer in 0..<shape.layers {
      for offset in 0..<run.count {
        let position = Int32(truncatingIfNeeded: run.firstToken + offset)
        for expert in block.chosen(layer: layer, token: first + offset) {
          let place = layer * shape.experts + Int(expert)
          let before = positions[place]
          positions[place] = position
          if before >= 0, position > before {
            counts[layer][min(Self.longest, Int(position - before))] += 1
          }
        }
      }
    }
  }

  /// Choices of a layer that were made before in the request.
  public func reuses(ofLayer layer: Int) -> UInt64 { counts[layer].reduce(0, +) }

  /// Those of all layers.
  public var reuses: UInt64 { counts.indices.reduce(0) { $0 + reuses(ofLayer: $1) } }

  /// The least distance within which half of a layer's reuses lie; nil where it has none.
  public func median(ofLayer layer: Int) -> Int? {
    let all = reuses(ofLayer: layer)
    guard all > 0 else { return nil }
    var sum: UInt64 = 0
    return counts[layer].firstIndex { count in
      sum += count
      return 2 * sum >= all
    }
  }

  /// The share of all reuses at a distance of at most `tokens`; 0 where there are none.
  public func share(within tokens: Int) -> Double {
    let all = reuses
    guard all > 0 else { return 0 }
    let within = counts.reduce(UInt64(0)) { sum, layer in
      sum + layer.prefix(tokens + 1).reduce(0, +)
    }
    return Double(within) / Double(all)
  }

  /// The share of choices that would come again within so many tokens, if every token chose its
  /// experts independently with these chances, in a request without an end.
  ///
  /// - Parameter chances: `[layer, expert]`, as ``TraceAnalysis/chancesOfChoice``.
  public static func shareByChance(within tokens: Int, _ chances: [[Double]]) -> Double {
    let all = chances.joined().reduce(0, +)
    guard all > 0 else { return 0 }
    // An expert is chosen again within n tokens unless n tokens leave it out.
    return chances.joined().reduce(0) { $0 + $1 * (1 - pow(1 - min(1, $1), Double(tokens))) } / all
  }

  /// The least distance within which half of a layer's choices would come again by chance.
  public static func medianByChance(_ chances: [Double]) -> Int? {
    guard chances.contains(where: { $0 > 0 }) else { return nil }
    return (1...longest).first { shareByChance(within: $0, [chances]) >= 0.5 }
  }
}
