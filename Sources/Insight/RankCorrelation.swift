/// Spearman's rank correlation.
enum RankCorrelation {
  /// The correlation of the ranks of `first` and `second`, equals sharing the mean of their ranks;
  /// nil where one of them is the same everywhere.
  ///
  /// - Precondition: as many of one as of the other.
  static func spearman(_ first: [Double], _ second: [Double]) -> Double? {
    precondition(first.count == second.count)
    let (first, second) = (ranks(of: first), ranks(of: second))
    // Ranks sum to the same whatever the ties.
    let mean = Double(first.count - 1) / 2
    var (products, firsts, seconds) = (0.0, 0.0, 0.0)
    for (a, b) in zip(first, second) {
      products += (a - mean) * (b - mean)
      firsts += (a - mean) * (a - mean)
      seconds += (b - mean) * (b - mean)
    }
    guard firsts > 0, seconds > 0 else { return nil }
    return products / (firsts * seconds).squareRoot()
  }

  /// Every value's rank from 0, equals at the mean of theirs.
  static func ranks(of values: [Double]) -> [Double] {
    let sorted = values.sorted()
    var ranks: [Double: Double] = [:]
    var start = 0
    while start < sorted.count {
      var end = start + 1
      while end < sorted.count, sorted[end] == sorted[start] { end += 1 }
      ranks[sorted[start]] = Double(start + end - 1) / 2
      start = end
    }
    return values.map { ranks[$0] ?? .nan }
  }
}
