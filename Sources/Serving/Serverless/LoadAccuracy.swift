/// How right forecasts of layers' loads were.
public struct LoadAccuracy: Hashable, Sendable {
  /// Layers of steps that were forecast.
  public private(set) var forecasts = 0
  private var requests = 0.0
  private var right = 0.0
  private var stragglers = 0
  private var told = 0
  private var found = 0

  /// An expert counts as overloaded from so many times the mean load of the experts.
  public static let overload = 2.0

  /// Takes in what was expected of a layer and what came.
  mutating func add(_ expected: [Double], _ counts: [Int]) {
    let total = Double(counts.reduce(0, +))
    let sum = expected.reduce(0, +)
    forecasts += 1
    requests += total
    guard sum > 0, total > 0 else { return }
    let scale = total / sum
    let bound = Self.overload * total / Double(counts.count)
    for (load, count) in zip(expected, counts) {
      right += min(load * scale, Double(count))
      let (isTold, isOne) = (load * scale >= bound, Double(count) >= bound)
      if isOne { stragglers += 1 }
      if isTold { told += 1 }
      if isTold && isOne { found += 1 }
    }
  }

  /// The share of requests that were expected of the expert that they came to: 1 - sum of
  /// |expected - actual| / (2 sum of actual); nil where nothing was forecast.
  public var rightShare: Double? { ratio(right, requests) }
  /// The share of overloaded experts that were told.
  public var overloadsFound: Double? { ratio(Double(found), Double(stragglers)) }
  /// The share of experts told as overloaded that were.
  public var overloadsTrue: Double? { ratio(Double(found), Double(told)) }

  private func ratio(_ part: Double, _ whole: Double) -> Double? { whole > 0 ? part / whole : nil }
}
