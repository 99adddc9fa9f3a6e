import Demand
import RoutingTrace

/// What the wafer's prediction table knows: every row's most likely followers and their shares.
public struct FollowerTable: Sendable {
  /// The heatmap it was made from.
  public let transitions: TransitionCounts
  /// Followers kept a row (n).
  public let width: Int
  /// A plane a layer, a row an expert.
  private let top: [UInt16]
  private let place: RowMajor
  /// The sum of every row, at least 1.
  private let sums: ByExpert<Double>

  /// Sorts every row of the heatmap.
  ///
  /// - Parameter width: Followers kept a row, the most frequent first, lower ids first on ties.
  /// - Complexity: O(layers * experts^2 * log experts).
  public init(_ transitions: TransitionCounts, width: Int) {
    let (layers, experts) = (transitions.layers, transitions.experts)
    let width = min(width, experts)
    var top: [UInt16] = []
    var sums = ByExpert(repeating: 1.0, layers: layers, experts: experts)
    for layer in 0..<layers {
      for expert in 0..<experts {
        let row = transitions.row(layer, expert)
        sums[ExpertKey(layer: layer, expert: expert)] = max(1, row.reduce(0.0) { $0 + Double($1) })
        top += Self.best(width, of: row)
      }
    }
    self.transitions = transitions
    self.width = width
    self.top = top
    self.sums = sums
    place = RowMajor(rows: experts, columns: width)
  }

  /// The experts that most often follow `expert`.
  package func followers(layer: Int, expert: Int) -> ArraySlice<UInt16> {
    top[place[layer, expert]]
  }

  /// The share of `follower` in the row of `expert`.
  func share(layer: Int, expert: Int, follower: Int) -> Double {
    let row = transitions.row(layer, expert)
    return Double(row[row.startIndex + follower])
      / sums[ExpertKey(layer: layer, expert: expert)]
  }

  private static func best(_ count: Int, of row: ArraySlice<UInt32>) -> [UInt16] {
    // Count above id, ids reversed: one number whose order is the one wanted.
    let last = UInt64(UInt32.max)
    let order = row.enumerated().map { UInt64($1) << 32 | (last - UInt64($0)) }
    return order.sorted(by: >).prefix(count).map { UInt16(last - ($0 & last)) }
  }
}
