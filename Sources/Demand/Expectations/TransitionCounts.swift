import MemoryBudget
import RoutingTrace

/// The paper's cross-token heatmap: how often expert j at a request's next token followed expert i,
/// at the same layer.
public struct TransitionCounts: Hashable, Sendable {
  public let layers: Int
  public let experts: Int
  /// `layers * experts * experts` counts, row i at `(layer * experts + i) * experts`.
  public private(set) var counts: [UInt32]

  /// What the heatmap of a trace takes, and the followers that predictions keep of it.
  public static func memoryDemand(shape: TraceShape) -> MemoryDemand {
    MemoryDemand(
      "the heatmaps of \(shape)", bytes: 4 * shape.layers * shape.experts * shape.experts,
      alternatives: [.init("--strategy base,ep,allo", bytes: 0)])
  }

  /// Wraps a model's table.
  ///
  /// - Precondition: `counts` has `layers * experts * experts` entries.
  public init(layers: Int, experts: Int, counts: [UInt32]) {
    precondition(counts.count == layers * experts * experts)
    self.layers = layers
    self.experts = experts
    self.counts = counts
  }

  /// Counts every pair of consecutive tokens of every request in the pool, all pairs of their K
  /// experts.
  public init(of pool: RequestPool) {
    let shape = pool.shape
    let (layers, experts, topK) = (shape.layers, shape.experts, shape.topK)
    var counts = Array(repeating: UInt32(0), count: layers * experts * experts)
    counts.withUnsafeMutableBufferPointer { counts in
      pool.ids.withUnsafeBufferPointer { ids in
        for request in 0..<pool.requests {
          var token = pool.starts[request]
          while token + 1 < pool.starts[request + 1] {
            for layer in 0..<layers {
              let here = (token * layers + layer) * topK
              for from in ids[here..<here + topK] where Int(from) < experts {
                let row = (layer * experts + Int(from)) * experts
                let next = here + layers * topK
                for to in ids[next..<next + topK] where Int(to) < experts {
                  counts[row + Int(to)] += 1
                }
              }
            }
            token += 1
          }
        }
      }
    }
    self.layers = layers
    self.experts = experts
    self.counts = counts
  }

  func row(_ layer: Int, _ expert: Int) -> ArraySlice<UInt32> {
    let start = (layer * experts + expert) * experts
    return counts[start..<start + experts]
  }
}

/// What the wafer's prediction table knows: every row's most likely followers and their shares.
public struct FollowerTable: Sendable {
  /// The heatmap it was made from.
  public let transitions: TransitionCounts
  /// Followers kept a row (n).
  public let width: Int
  private let top: [UInt16]
  /// The sum of every row, at least 1.
  private let sums: [Double]

  /// - Parameter width: Followers kept a row, the most frequent first, lower ids first on ties.
  public init(_ transitions: TransitionCounts, width: Int) {
    self.transitions = transitions
    self.width = min(width, transitions.experts)
    var top: [UInt16] = []
    var sums: [Double] = []
    for layer in 0..<transitions.layers {
      for expert in 0..<transitions.experts {
        let row = transitions.row(layer, expert)
        sums.append(max(1, row.reduce(0.0) { $0 + Double($1) }))
        top += Self.best(self.width, of: row)
      }
    }
    self.top = top
    self.sums = sums
  }

  /// The experts that most often follow `expert`.
  func followers(layer: Int, expert: Int) -> ArraySlice<UInt16> {
    let row = layer * transitions.experts + expert
    return top[row * width..<(row + 1) * width]
  }

  /// The share of `follower` in the row of `expert`.
  func share(layer: Int, expert: Int, follower: Int) -> Double {
    let row = layer * transitions.experts + expert
    return Double(transitions.counts[row * transitions.experts + follower]) / sums[row]
  }

  private static func best(_ count: Int, of row: ArraySlice<UInt32>) -> [UInt16] {
    // Count above id, ids reversed: one number whose order is the one wanted.
    let last = UInt64(UInt32.max)
    let order = row.enumerated().map { UInt64($1) << 32 | (last - UInt64($0)) }
    return order.sorted(by: >).prefix(count).map { UInt16(last - ($0 & last)) }
  }
}
