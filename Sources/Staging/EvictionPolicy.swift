import Demand

/// Which copy leaves when another one needs its place.
public enum EvictionPolicy: String, CaseIterable, Sendable {
  /// The copy not read for longest.
  case leastRecent = "lru"
  /// The copy read least often.
  case leastFrequent = "lfu"
  /// The copy whose use the forecast expects least; a newcomer expected even less stays out. Where
  /// there is no forecast to go by, the copy not read for longest; where it is known to be perfect,
  /// Belady's choice.
  case leastExpected = "expected"
  /// The copy whose next use lies farthest in the true future: a bound, not a policy.
  case belady

  /// What this policy comes to with a forecast of such certainty.
  func effective(_ certainty: ForecastCertainty) -> EvictionPolicy {
    guard self == .leastExpected else { return self }
    return switch certainty {
    case .nothing: .leastRecent
    case .estimate: self
    case .perfect: .belady
    }
  }
}
