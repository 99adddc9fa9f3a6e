/// How much of a distribution lies on few of its members.
enum Concentration {
  /// `share` of `members`, to the nearest, one at least.
  static func top(_ share: Double, of members: Int) -> Int {
    max(1, Int((Double(members) * share).rounded()))
  }

  /// The share of the sum that the largest `top` counts hold; nil where the sum is 0.
  static func share<Count: BinaryInteger>(ofTop top: Int, in counts: [Count]) -> Double? {
    let total = counts.reduce(0) { $0 + Double($1) }
    guard total > 0 else { return nil }
    let largest = counts.sorted(by: >).prefix(top).reduce(0) { $0 + Double($1) }
    return largest / total
  }

  /// The members with the largest counts, the lower first of equals; only such that were counted.
  static func members(_ top: Int, of counts: [UInt32]) -> [Int] {
    let ranked = counts.indices.filter { counts[$0] > 0 }
      .sorted { counts[$0] != counts[$1] ? counts[$0] > counts[$1] : $0 < $1 }
    return Array(ranked.prefix(top))
  }
}
