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
    let figures = Figures(rows, hits: hits)
    return estimates(rows.count, resamples: resamples, seed: seed) { figures.ratios(of: $0) }
  }

  /// What one predictor's ratios exceed another's by, in the order of ``ratios(_:hits:resamples:seed:)``:
  /// every draw is of the same requests for both, so that what is easy or hard for both falls out.
  ///
  /// - Parameter others: the other predictor's rows, of the same groups.
  static func differences(
    _ rows: [GroupSums.Row], over others: [GroupSums.Row], hits: Int, resamples: Int, seed: UInt64
  ) -> [Comparison.Estimate] {
    let (figures, other) = (Figures(rows, hits: hits), Figures(others, hits: hits))
    return estimates(rows.count, resamples: resamples, seed: seed) { drawn in
      zip(figures.ratios(of: drawn), other.ratios(of: drawn)).map { $0 - $1 }
    }
  }

  /// The figures of groups, laid out so that draws add up quickly.
  private struct Figures {
    let hits: Int
    /// Of each row, numerators first, its hits and loss; then what they are divided by: experts
    /// chosen, events.
    let values: [Double]

    init(_ rows: [GroupSums.Row], hits: Int) {
      self.hits = hits
      values = rows.flatMap { row in
        row.hits.map { Double($0) }
          + [Double(row.lossSteps) / LossSteps.perBit, Double(row.chosen), Double(row.events)]
      }
    }

    /// Recall at each n, then log loss, over the rows drawn.
    func ratios(of drawn: [Int]) -> [Double] {
      let width = hits + 3
      var sums = [Double](repeating: 0, count: width)
      for row in drawn { for index in 0..<width { sums[index] += values[row * width + index] } }
      return (0...hits).map { sums[$0] / sums[$0 < hits ? hits + 1 : hits + 2] }
    }
  }

  /// Figures over all of `count` rows, with the intervals that draws of as many rows give.
  private static func estimates(
    _ count: Int, resamples: Int, seed: UInt64, _ figures: ([Int]) -> [Double]
  ) -> [Comparison.Estimate] {
    let all = figures(Array(0..<count))
    var random = SeededGenerator(seed: seed)
    var drawn = [Int](repeating: 0, count: count)
    let resampled = (0..<resamples).map { _ in
      for index in drawn.indices {
        drawn[index] = Int(random.next().multipliedFullWidth(by: UInt64(count)).high)
      }
      return figures(drawn)
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
