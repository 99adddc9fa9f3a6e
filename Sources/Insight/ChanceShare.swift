import Glibc
import RoutingTrace

/// What the largest counts of a row hold if popularity alone fills it: the figure that a measured
/// share is held against.
///
/// Few counts gather on few members by chance: the top 20 % of a row of ten are all ten. What a row
/// holds beyond a drawn one of its size is there because of what the row depends on.
struct ChanceShare {
  /// Every member's share of what is drawn.
  private let shares: [Double]
  /// Members whose share is asked for.
  private let top: Int
  /// The seed of all draws.
  private let seed: UInt64
  /// The mean share at sums of 2^(step / 2), as far as it was asked for.
  private var steps: [Int: Double] = [:]

  /// Rows drawn a step: of many members one says as much as many of few.
  private var draws: Int { max(1, 2048 / max(1, shares.count)) }

  /// - Parameters:
  ///   - popularity: how often each member of a row was counted, or is expected to be.
  ///   - top: members whose share is asked for.
  ///   - seed: the same for the same answers.
  init(popularity: [Double], top: Int, seed: UInt64) {
    let total = popularity.reduce(0, +)
    shares = popularity.map { total > 0 ? $0 / total : 0 }
    self.top = top
    self.seed = seed
  }

  /// The share of the largest ones of a row with this sum, of at least 1: between the steps around
  /// it by the logarithm of the sum.
  mutating func share(ofSum sum: Double) -> Double {
    let place = max(0, 2 * log2(sum))
    let below = Int(place)
    let (first, second) = (drawn(below), drawn(below + 1))
    return first + (second - first) * (place - Double(below))
  }

  /// The mean share at a step, drawn where it was not asked for before.
  private mutating func drawn(_ step: Int) -> Double {
    if let known = steps[step] { return known }
    // Every step has numbers of its own, so that the order of questions does not matter.
    var random = SeededGenerator(seed: seed << 8 | UInt64(step))
    let sum = exp2(Double(step) / 2)
    var mean = 0.0
    for _ in 0..<draws {
      let row = shares.map { poisson($0 * sum, using: &random) }
      // A drawn row without counts is taken as one of a single choice, all of which is on the top.
      mean += (Concentration.share(ofTop: top, in: row) ?? 1) / Double(draws)
    }
    steps[step] = mean
    return mean
  }

  /// A number drawn with this mean: from 32 on, where they hardly differ, a normal one of the same
  /// variance.
  private func poisson(_ mean: Double, using random: inout SeededGenerator) -> UInt32 {
    if mean >= 32 {
      // Box and Muller's; 1 - u is never 0.
      let radius = (-2 * log(1 - random.nextUnit())).squareRoot()
      let angle = 2 * Double.pi * random.nextUnit()
      return UInt32(clamping: Int((mean + mean.squareRoot() * radius * cos(angle)).rounded()))
    }
    let limit = exp(-mean)
    var product = random.nextUnit()
    var count: UInt32 = 0
    while product > limit {
      product *= random.nextUnit()
      count += 1
    }
    return count
  }
}
