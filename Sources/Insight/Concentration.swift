/// How much of a distribution lies on few of its members.
enum Concentration {
  /// `share` of `members`, to the nearest, one at least.
  static func top(_ share: Double, of members: Int) -> Int {
    max(1, Int((Double(members) * share).rounded()))
  }

  /// The share of the sum that the largest `top` counts hold; nil where the sum is 0.
  static func share(ofTop top: Int, in counts: some Collection<UInt32>) -> Double? {
    let counts = Array(counts)
    let total = counts.reduce(0) { $0 + UInt64($1) }
    guard total > 0 else { return nil }
    let least = leastOfTop(top, in: counts)
    var (sum, above) = (UInt64(0), 0)
    for count in counts where count > least {
      sum += UInt64(count)
      above += 1
    }
    // Of the counts that equal the least of the top, as many as there is room for.
    sum += UInt64(least) * UInt64(max(0, min(top, counts.count) - above))
    return Double(sum) / Double(total)
  }

  /// The Gini coefficient of counts: half their mean difference over their mean (Gini 1912); nil
  /// where the sum is 0.
  ///
  /// - Complexity: O(n log n).
  static func gini(of counts: [UInt32]) -> Double? {
    let ascending = counts.sorted()
    let (n, total) = (Double(counts.count), counts.reduce(0.0) { $0 + Double($1) })
    guard total > 0 else { return nil }
    // Ranks count from 1.
    let weighted = ascending.enumerated().reduce(0.0) { $0 + Double($1.0 + 1) * Double($1.1) }
    return 2 * weighted / (n * total) - (n + 1) / n
  }

  /// The `top`-th largest count, bit by bit from the highest: fewer steps than sorting.
  private static func leastOfTop(_ top: Int, in counts: [UInt32]) -> UInt32 {
    var least: UInt32 = 0
    var bit = UInt32(32 - (counts.max() ?? 0).leadingZeroBitCount)
    while bit > 0 {
      bit -= 1
      let candidate = least | 1 << bit
      // The counter is as wide as the counts and the loop has no branch, so that it runs in
      // vectors.
      var reached: UInt32 = 0
      var index = 0
      while index < counts.count {
        reached &+= counts[index] >= candidate ? 1 : 0
        index &+= 1
      }
      if reached >= top { least = candidate }
    }
    return least
  }

  /// The members with the largest counts, the lower first of equals; only such that were counted.
  static func members(_ top: Int, of counts: [UInt32]) -> [Int] {
    let ranked = counts.indices.filter { counts[$0] > 0 }
      .sorted { counts[$0] != counts[$1] ? counts[$0] > counts[$1] : $0 < $1 }
    return Array(ranked.prefix(top))
  }
}
