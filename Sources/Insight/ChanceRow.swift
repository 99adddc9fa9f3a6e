import Glibc
import RoutingTrace

/// Rows of counts as popularity alone would fill them.
///
/// Few counts gather on few experts by chance: the top 20 % of a row of ten are all ten. What a row holds
/// beyond a drawn one of its size is there because of what the row depends on.
struct ChanceRow {
  /// Every member's share of what is drawn.
  private let shares: [Double]
  private var random: SeededGenerator

  /// - Parameters:
  ///   - popularity: how often each member of a row was counted, or is expected to be.
  ///   - seed: rows of the same seed are the same.
  init(popularity: [Double], seed: UInt64) {
    let total = popularity.reduce(0, +)
    shares = popularity.map { total > 0 ? $0 / total : 0 }
    random = SeededGenerator(seed: seed)
  }

  /// The mean share that the largest `top` counts hold of rows with a sum near `total`.
  mutating func share(ofTop top: Int, total: Double, draws: Int) -> Double? {
    var sum = 0.0
    var count = 0
    for _ in 0..<draws {
      let row = shares.map { poisson($0 * total) }
      guard let share = Concentration.share(ofTop: top, in: row) else { continue }
      sum += share
      count += 1
    }
    return count > 0 ? sum / Double(count) : nil
  }

  /// A number drawn with this mean: from 32 on, where they hardly differ, a normal one of the same variance.
  private mutating func poisson(_ mean: Double) -> Int {
    if mean >= 32 {
      // Box and Muller's; 1 - u is never 0.
      let radius = (-2 * log(1 - Double.random(in: 0..<1, using: &random))).squareRoot()
      let angle = 2 * Double.pi * Double.random(in: 0..<1, using: &random)
      return max(0, Int((mean + mean.squareRoot() * radius * cos(angle)).rounded()))
    }
    let limit = exp(-mean)
    var product = Double.random(in: 0..<1, using: &random)
    var count = 0
    while product > limit {
      product *= Double.random(in: 0..<1, using: &random)
      count += 1
    }
    return count
  }
}
