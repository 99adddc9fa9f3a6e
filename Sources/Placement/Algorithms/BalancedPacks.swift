/// Items packed for balance: the longest first, each to the lightest pack with room (R. Graham's
/// rule of 1969, with as many items in every pack).
enum BalancedPacks {
  /// Items of every pack, in the order in which they came.
  ///
  /// - Parameter weights: a number from 0 on for every item; equal ones keep their order.
  /// - Precondition: `size` times `count` are all items.
  /// - Complexity: O(n log n + n * count).
  static func packs(_ weights: [Double], count: Int, size: Int) -> [[Int]] {
    var packs: [[Int]] = Array(repeating: [], count: count)
    var sums = Array(repeating: 0.0, count: count)
    for item in descending(weights) {
      let open = sums.indices.filter { packs[$0].count < size }
      guard let lightest = open.min(by: { (sums[$0], $0) < (sums[$1], $1) }) else { break }
      packs[lightest].append(item)
      sums[lightest] += weights[item]
    }
    return packs
  }

  /// Places of the weights, the heaviest first, equal ones as they come.
  static func descending(_ weights: [Double]) -> [Int] {
    weights.indices.sorted { (-weights[$0], $0) < (-weights[$1], $1) }
  }
}
