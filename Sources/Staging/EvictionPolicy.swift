/// Which copy leaves when another one needs its place.
public enum EvictionPolicy: String, CaseIterable, Sendable {
  /// The copy not read for longest.
  case leastRecent = "lru"
  /// The copy read least often.
  case leastFrequent = "lfu"
  /// The copy whose use the forecast expects least; a newcomer expected even less stays out.
  case leastExpected = "expected"
  /// The copy whose next use lies farthest in the true future: a bound, not a policy.
  case belady
}
