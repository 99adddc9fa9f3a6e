/// What the last tokens of requests under way left behind for their next: the stored paths that
/// matched them best, by the requests' places.
///
/// A ``PathMemory`` has one for the requests that it learns from, a ``MixtureSession`` one for its
/// own.
struct PathTrails: Hashable, Sendable {
  /// A place: how many candidates its last token left.
  var counts: [Int32] = []
  /// `[place, candidate]`: their numbers.
  var tokens: [Int32] = []
  /// `[place, candidate, metric]`: their final scores.
  var scores: [Int32] = []

  /// Makes room for `places` requests.
  mutating func reserve(places: Int) {
    let missing = places - counts.count
    guard missing > 0 else { return }
    counts += repeatElement(0, count: missing)
    tokens += repeatElement(0, count: missing * PathMemory.followed)
    scores += repeatElement(0, count: missing * PathMemory.followed * PathMemory.metrics.count)
  }
}
