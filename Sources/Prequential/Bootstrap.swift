/// Percentile intervals of ratios of sums over requests.
struct Bootstrap {
  /// `[resample][draw]`: the request drawn.
  private let draws: [[Int]]
  private let count: Int

  /// - Parameters:
  ///   - count: requests to draw from, as many as are drawn.
  ///   - resamples: how often; the same seed draws the same requests.
  init(seed: UInt64, count: Int, resamples: Int) {
    var state = seed
    func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
    draws = (0..<resamples).map { _ in
      (0..<count).map { _ in Int(next().multipliedFullWidth(by: UInt64(count)).high) }
    }
    self.count = count
  }

  /// `sum numerators / sum denominators`, and the 2.5th and 97.5th percentile over the resamples.
  func ratio(_ numerators: [Double], _ denominators: [Double]) -> Comparison.Estimate {
    let value = numerators.reduce(0, +) / denominators.reduce(0, +)
    let ratios = draws.map { draw in
      var numerator = 0.0
      var denominator = 0.0
      for index in draw {
        numerator += numerators[index]
        denominator += denominators[index]
      }
      return numerator / denominator
    }.sorted()
    guard !ratios.isEmpty else { return Comparison.Estimate(value: value, low: value, high: value) }
    let last = Double(ratios.count - 1)
    return Comparison.Estimate(
      value: value, low: ratios[Int((0.025 * last).rounded(.down))],
      high: ratios[Int((0.975 * last).rounded(.up))])
  }
}
