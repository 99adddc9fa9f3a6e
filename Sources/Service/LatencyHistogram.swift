/// How long things took, in buckets that double from one microsecond to eight seconds.
public struct LatencyHistogram: Hashable, Sendable {
  /// Upper bounds of all buckets but the last, in nanoseconds; the last has none.
  public static let bounds: [UInt64] = (0..<24).map { 1000 << $0 }

  /// Durations a bucket, those of shorter ones not counted again.
  public private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
  /// The sum of all, in nanoseconds.
  public private(set) var sum: UInt64 = 0

  /// No durations.
  public init() {}

  /// How many there were.
  public var count: UInt64 { counts.reduce(0, +) }

  /// Notes a duration of so many nanoseconds.
  public mutating func note(_ nanoseconds: UInt64) {
    counts[Self.bucket(of: nanoseconds)] += 1
    sum &+= nanoseconds
  }

  /// Adds what another has noted.
  public mutating func add(_ other: LatencyHistogram) {
    for (bucket, count) in other.counts.enumerated() { counts[bucket] += count }
    sum &+= other.sum
  }

  /// What was noted since `earlier`, which this one was then.
  public func since(_ earlier: LatencyHistogram) -> LatencyHistogram {
    var difference = self
    for (bucket, count) in earlier.counts.enumerated() { difference.counts[bucket] -= count }
    difference.sum = sum &- earlier.sum
    return difference
  }

  /// The bound of the bucket in which the `share` shortest end, in nanoseconds; nil of none, or
  /// beyond the last bound.
  public func quantile(_ share: Double) -> UInt64? {
    let wanted = max(1, (Double(count) * share).rounded(.up))
    var seen: UInt64 = 0
    for (bucket, bound) in Self.bounds.enumerated() {
      seen += counts[bucket]
      if Double(seen) >= wanted { return bound }
    }
    return nil
  }

  /// The first bucket whose bound is not below `nanoseconds`.
  private static func bucket(of nanoseconds: UInt64) -> Int {
    let microseconds = (nanoseconds + 999) / 1000
    guard microseconds > 1 else { return 0 }
    return min(bounds.count, UInt64.bitWidth - (microseconds - 1).leadingZeroBitCount)
  }
}
