/// How much each of several forecasts of the same loads counts, by how they have come true so far.
///
/// A mean and a guess differ: of few slots, the requests that fall to wrong experts are fewest where
/// the likeliest experts are named, of many where loads are their means. So weights are chosen twice.
/// Those of ``means`` are by least squares: of all experts of all turns seen, each weighted with one
/// over its expected requests, as counts scatter by their root; weights below 0 are 0, and they add
/// up to 1. Those of ``guesses`` are the best of the means', of each single forecast, and of the
/// halves of every two of these, by the requests that they have misplaced so far. Evidence loses by
/// ``memory`` with every turn; before there is any, the first forecast has all the weight.
struct BlendWeights {
  /// What a turn's evidence is worth once another one has come.
  private static let memory = 0.998
  /// How many experts' evidence the first weights of least squares are worth.
  private static let prior = 5.0

  /// By forecast, for loads that are right on average.
  var means: [Double] { candidates[0] }
  /// By forecast, for loads that misplace the fewest requests.
  private(set) var guesses: [Double]
  /// Sums of products: of the forecasts with each other, and with what came.
  private var products: [[Double]]
  private var targets: [Double]
  /// Weights to choose from, those of least squares first.
  private var candidates: [[Double]]
  /// Requests that each has misplaced.
  private var misplaced: [Double]

  init(parts: Int) {
    /// All the weight on one.
    func single(_ part: Int) -> [Double] { (0..<parts).map { $0 == part ? 1 : 0 } }
    guesses = single(0)
    products = Array(repeating: Array(repeating: 0, count: parts), count: parts)
    targets = Array(repeating: 0, count: parts)
    candidates = [single(0)] + (0..<parts).map(single)
    misplaced = Array(repeating: 0, count: Self.pairs(candidates.count).count)
  }

  /// The candidates of which halves are taken, a candidate with itself for itself.
  private static func pairs(_ count: Int) -> [(Int, Int)] {
    (0..<count).flatMap { first in (first..<count).map { (first, $0) } }
  }

  /// Forecasts together.
  ///
  /// - Parameters:
  ///   - parts: By forecast: every expert's load.
  ///   - weights: By forecast.
  static func blend(_ parts: [[Double]], _ weights: [Double]) -> [Double] {
    var load = Array(repeating: 0.0, count: parts[0].count)
    for (weight, part) in zip(weights, parts) where weight > 0 {
      for expert in load.indices { load[expert] += weight * part[expert] }
    }
    return load
  }

  /// Takes in what came of a turn.
  mutating func learn(_ parts: [[Double]], _ counts: [Double]) {
    judge(parts, counts)
    for row in parts.indices {
      targets[row] *= Self.memory
      for column in parts.indices { products[row][column] *= Self.memory }
    }
    for (expert, count) in counts.enumerated() {
      let loads = parts.map { $0[expert] }
      let scale = 1 / (0.5 + loads.reduce(0, +) / Double(loads.count))
      for row in loads.indices {
        targets[row] += scale * loads[row] * count
        for column in loads.indices { products[row][column] += scale * loads[row] * loads[column] }
      }
    }
    candidates[0] = solved()
    let pairs = Self.pairs(candidates.count)
    let best = misplaced.indices.min { misplaced[$0] < misplaced[$1] } ?? 0
    let (first, second) = pairs[best]
    guesses = zip(candidates[first], candidates[second]).map { ($0 + $1) / 2 }
  }

  /// Holds every candidate against what came; loads are taken to add up to the requests.
  private mutating func judge(_ parts: [[Double]], _ counts: [Double]) {
    let total = counts.reduce(0, +)
    let loads = candidates.map { Self.blend(parts, $0) }
    for (index, pair) in Self.pairs(candidates.count).enumerated() {
      let (first, second) = (loads[pair.0], loads[pair.1])
      let sum = first.reduce(0, +) + second.reduce(0, +)
      let scale = sum > 0 ? total / sum : 0
      var error = 0.0
      for expert in counts.indices {
        error += abs((first[expert] + second[expert]) * scale - counts[expert])
      }
      misplaced[index] = Self.memory * misplaced[index] + error / 2
    }
  }

  /// The weights of least squares, by elimination.
  private func solved() -> [Double] {
    let count = targets.count
    var rows = products
    var right = targets
    for row in 0..<count { rows[row][row] += Self.prior }
    right[0] += Self.prior
    // The prior keeps what is on the diagonal above 0.
    for pivot in 0..<count {
      for row in 0..<count where row > pivot {
        let factor = rows[row][pivot] / rows[pivot][pivot]
        for column in pivot..<count { rows[row][column] -= factor * rows[pivot][column] }
        right[row] -= factor * right[pivot]
      }
    }
    var solution = Array(repeating: 0.0, count: count)
    for row in (0..<count).reversed() {
      var known = 0.0
      for column in 0..<count where column > row { known += rows[row][column] * solution[column] }
      solution[row] = (right[row] - known) / rows[row][row]
    }
    let positive = solution.map { max(0, $0) }
    let sum = positive.reduce(0, +)
    return sum > 0 ? positive.map { $0 / sum } : candidates[0]
  }
}
