/// Probabilities held against what came true.
///
/// ```swift
/// var calibration = Calibration()
/// calibration.add(0.8, cameTrue: true)
/// print(calibration.error, calibration.bins[8].share)
/// ```
public struct Calibration: Hashable, Sendable {
  /// The forecasts between two tenths.
  public struct Bin: Hashable, Sendable {
    /// Forecasts between the two.
    public fileprivate(set) var count = 0
    fileprivate var probabilities = 0.0
    /// Forecasts that came true.
    public fileprivate(set) var trueCount = 0

    /// Mean probability forecast.
    public var forecast: Double { count > 0 ? probabilities / Double(count) : 0 }
    /// Share that came true.
    public var share: Double { count > 0 ? Double(trueCount) / Double(count) : 0 }
  }

  /// 0 to below .1, .1 to below .2, ..., .9 to 1.
  public private(set) var bins = [Bin](repeating: Bin(), count: 10)
  private var squares = 0.0
  private var squaresIfRight = 0.0

  /// Nothing forecast yet.
  public init() {}

  /// Takes in a forecast and whether it came true.
  public mutating func add(_ probability: Double, cameTrue: Bool) {
    let bin = min(bins.count - 1, Int(probability * Double(bins.count)))
    bins[bin].count += 1
    bins[bin].probabilities += probability
    if cameTrue { bins[bin].trueCount += 1 }
    let error = (cameTrue ? 1 : 0) - probability
    squares += error * error
    squaresIfRight += probability * (1 - probability)
  }

  /// Forecasts taken in.
  public var count: Int { bins.reduce(0) { $0 + $1.count } }

  /// Brier score: mean squared difference of the probability and what came true (1 or 0).
  public var brier: Double { squares / Double(max(count, 1)) }
  /// The Brier score if forecasts came true as often as they say: mean of p (1 - p).
  public var brierIfRight: Double { squaresIfRight / Double(max(count, 1)) }

  /// Mean over all forecasts of how far a bin's mean probability is from the share that came true.
  public var error: Double {
    bins.reduce(0) { $0 + abs($1.forecast - $1.share) * Double($1.count) } / Double(max(count, 1))
  }
}
