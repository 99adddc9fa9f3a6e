import Glibc
import RoutingTrace

/// Draws K distinct experts as a router would that decides on every expert by itself and happens to
/// choose K: independent yes or no with chances `q(j)`, given that K are yes (conditional Poisson
/// sampling, Hájek 1964; Chen, Dempster and Liu 1994).
///
/// `q(j) = min(K p(j), 0.999)` are the chances a forecast means, so a set's probability is
/// proportional to the product of its odds `q / (1 - q)`. Successive draws without replacement from
/// `p` would flatten a sure forecast.
struct FixedSizeDraw {
  /// The largest chance of an expert: odds must be finite.
  private static let largest = 0.999
  /// Experts to draw (K).
  private let count: Int
  /// What odds are raised to: the inverse of the temperature.
  private let sharpness: Double
  /// `q / (1 - q)` of every expert, scaled so that no sum overflows.
  private var odds: [Double]
  /// `[expert, r]`: the sum over all sets of r experts from `expert` on of the product of their
  /// odds.
  private var sums: [Double]

  /// - Parameters:
  ///   - experts: E.
  ///   - count: K, at most E.
  ///   - temperature: odds are raised to its inverse; 1 draws what is forecast.
  init(experts: Int, count: Int, temperature: Double) {
    precondition(count <= experts && temperature > 0)
    self.count = count
    sharpness = 1 / temperature
    odds = [Double](repeating: 0, count: experts)
    sums = [Double](repeating: 0, count: (experts + 1) * (count + 1))
  }

  /// K distinct experts, the most probable first, ties to the lower id.
  ///
  /// - Parameter probabilities: one an expert, their sum 1.
  mutating func draw(
    _ probabilities: UnsafeMutableBufferPointer<Double>, using random: inout SeededGenerator
  ) -> [UInt16] {
    fillOdds(probabilities)
    fillSums()
    var chosen: [Int] = []
    var expert = 0
    while chosen.count < count {
      let wanted = count - chosen.count
      let left = odds.count - expert
      let with = odds[expert] * sums[(expert + 1) * (count + 1) + wanted - 1]
      let all = sums[expert * (count + 1) + wanted]
      // Where all sets that are left have probability 0, they are drawn alike.
      let chance = all > 0 ? with / all : Double(wanted) / Double(left)
      if wanted == left || random.nextUnit() < chance { chosen.append(expert) }
      expert += 1
    }
    return Self.ordered(chosen, by: probabilities)
  }

  /// The most probable first, ties to the lower id.
  static func ordered(
    _ experts: [Int], by probabilities: UnsafeMutableBufferPointer<Double>
  ) -> [UInt16] {
    experts.sorted {
      probabilities[$0] != probabilities[$1] ? probabilities[$0] > probabilities[$1] : $0 < $1
    }.map { UInt16($0) }
  }

  /// Writes ``odds`` of a forecast.
  private mutating func fillOdds(_ probabilities: UnsafeMutableBufferPointer<Double>) {
    var best = 0.0
    for expert in odds.indices {
      let chance = min(Double(count) * probabilities[expert], Self.largest)
      odds[expert] = chance / (1 - chance)
      best = max(best, odds[expert])
    }
    guard best > 0 else { return }
    // Only ratios of odds matter, so they are divided by the largest: no sum of products of odds up
    // to 1 can overflow.
    for expert in odds.indices {
      odds[expert] /= best
      if sharpness != 1 { odds[expert] = pow(odds[expert], sharpness) }
    }
  }

  /// Writes ``sums``, from the last expert to the first, in O(E K).
  private mutating func fillSums() {
    let stride = count + 1
    sums.withUnsafeMutableBufferPointer { sums in
      var expert = odds.count
      for r in 0...count { sums[expert * stride + r] = r == 0 ? 1 : 0 }
      while expert > 0 {
        expert -= 1
        let own = expert * stride
        sums[own] = 1
        var r = 1
        while r <= count {
          sums[own + r] = sums[own + stride + r] + odds[expert] * sums[own + stride + r - 1]
          r += 1
        }
      }
    }
  }
}
