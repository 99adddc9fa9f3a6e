import Glibc

extension ExpertDemand {
  /// How far, in requests, each expert's would be from the load if the batch were drawn from this
  /// very forecast: `E|X - load|`, what no forecast of these chances can go below.
  ///
  /// Up to a load of 1, X falls short of it only by being 0, so it is exactly `2 load (1 - need)`.
  /// Above, X is taken as the binomial of the same mean and variance, which is exact where all
  /// tokens have the same chance and a third too much where nearly all are all but certain; over
  /// the experts of drawn batches the sum is within 4 % of the exact one, mostly within .3 %. Where
  /// tokens that fill many slots make the variance larger than the mean, X is taken as a Poisson
  /// stretched by `sqrt(variance / mean)`.
  public var deviation: [Double] {
    zip(zip(load, variance), need).map { moments, need in
      let (mean, variance) = moments
      if mean <= 1 { return 2 * mean * (1 - need) }
      if variance >= mean { return Self.poissonDeviation(mean) * (variance / mean).squareRoot() }
      return Self.binomialDeviation(mean: mean, variance: variance)
    }
  }

  /// `E|X - m|` of a Poisson of mean m: `2 e^-m m^(f+1) / f!`, f = floor(m).
  private static func poissonDeviation(_ mean: Double) -> Double {
    let floor = mean.rounded(.down)
    return 2 * exp((floor + 1) * log(mean) - mean - logFactorial(floor))
  }

  /// De Moivre's `E|X - np| = 2 v C(n, v) p^v (1 - p)^(n - v + 1)`, v = floor(np) + 1, for the n
  /// and p of these moments; n need not be whole.
  private static func binomialDeviation(mean: Double, variance: Double) -> Double {
    let failure = variance / mean
    guard failure > 1e-9 else { return 0 }
    let (success, count) = (1 - failure, mean / (1 - failure))
    let above = mean.rounded(.down) + 1
    // So little varies that X is one of the whole numbers beside the mean.
    guard above <= count else { return 2 * (mean - (above - 1)) * (above - mean) }
    let ways = logFactorial(count) - logFactorial(above) - logFactorial(count - above)
    return 2
      * exp(log(above) + ways + above * log(success) + (count - above + 1) * log(failure))
  }

  /// log x!, x at least 0.
  private static func logFactorial(_ value: Double) -> Double { lgamma(value + 1) }
}
