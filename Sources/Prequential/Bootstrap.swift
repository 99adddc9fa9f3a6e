import Forecast
import RoutingTrace

/// Confidence intervals by resampling requests: percentile intervals of ratios of sums over groups
/// of requests (Efron 1979). ``Comparison`` asks for them.
enum Bootstrap {
  /// Recall at each n, then log loss in bits: over all rows, and the 2.5th and 97.5th percentile
  /// over `resamples` draws of as many rows as there are, with replacement.
  ///
  /// - Parameters:
  ///   - rows: one a group, at least one.
  ///   - hits: the n at which a row has hits.
  ///   - seed: the same for the same draws.
  static func ratios(
    _ rows: [GroupSums.Row], hits: Int, resamples: Int, seed: UInt64
  ) -> [Comparison.Estimate] {
    let width = hits + 3
    // Numerators first, a row's hits and loss; then what they are divided by: experts chosen,
    // events.
    let values = rows.flatMap { row in
      row.hits.map { Double($0) }
        + [Double(row.lossSteps) / LossSteps.perBit, Double(row.chosen), Double(row.events)]
    }
    func ratios(of drawn: some Sequence<Int>) -> [Double] {
      var sums = [Double](repeating: 0, count: width)
      for row in drawn { for index in 0..<width { sums[index] += values[row * width + index] } }
      return (0...hits).map { sums[$0] / sums[$0 < hits ? hits + 1 : hits + 2] }
    }
    let all = ratios(of: rows.indices)
    var random = SeededGenerator(seed: seed)
    let count = UInt64(rows.count)
    let resampled = (0..<resamples).map { _ in
      ratios(
        of: rows.indices.lazy.map { _ in
          Int(random.next().multipliedFullWidth(by: count).high)
        })
    }
    return all.enumerated().map { index, value in
      interval(of: value, resampled.map { $0[index] }.sorted())
    }
  }

  /// The 2.5th and 97.5th percentile of resampled values, which are sorted.
  private static func interval(of value: Double, _ sorted: [Double]) -> Comparison.Estimate {
    guard !sorted.isEmpty else { return Comparison.Estimate(value: value, low: value, high: value) }
    let last = Double(sorted.count - 1)
    return Comparison.Estimate(
      value: value, low: sorted[Int((0.025 * last).rounded(.down))],
      high: sorted[Int((0.975 * last).rounded(.up))])
  }
}
