/// What a ``PathSearch`` knows of one token between its layers: the candidates so far, and the
/// token's own choices. Many tokens take turns in one search, each with its own.
final class PathCandidates {
  /// `[candidate]`: the candidates' slots, the most recent token first.
  fileprivate var slots: UnsafeMutablePointer<Int32>
  /// `[metric, candidate]`: how well each matches the token so far, in 64ths of an expert.
  fileprivate var scores: UnsafeMutablePointer<Int32>
  /// `[layer, word, candidate]`: the candidates' sets of some layers side by side.
  fileprivate var gathered: UnsafeMutablePointer<UInt64>
  /// Bitmap over slots: candidates because the token before them was one.
  fileprivate var historic: UnsafeMutablePointer<UInt64>
  /// `[layer, word]`: the token's own sets, as far as known.
  fileprivate var own: UnsafeMutablePointer<UInt64>
  /// Candidates that there are.
  fileprivate var count = 0

  /// Room for a token's in `search`; there are none.
  init(in search: PathSearch) {
    func room<Value: FixedWidthInteger>(_ count: Int) -> UnsafeMutablePointer<Value> {
      let pointer = UnsafeMutablePointer<Value>.allocate(capacity: count)
      pointer.initialize(repeating: 0, count: count)
      return pointer
    }
    slots = room(search.room)
    scores = room(search.room * search.metrics.count)
    gathered = room(search.window * search.room * search.words)
    historic = room(search.mapWords)
    own = room(search.layers * search.words)
  }

  deinit {
    slots.deallocate()
    scores.deallocate()
    gathered.deallocate()
    historic.deallocate()
    own.deallocate()
  }
}

extension PathSearch {
  /// Takes up a token's search where it was left, or leaves it: the second call undoes the first.
  func exchange(_ other: PathCandidates) {
    if owner != ObjectIdentifier(other) {
      // The planes are another token's.
      countedLayers = 0
      owner = ObjectIdentifier(other)
    }
    swap(&slots, &other.slots)
    swap(&scores, &other.scores)
    swap(&gathered, &other.gathered)
    swap(&historic, &other.historic)
    swap(&own, &other.own)
    swap(&count, &other.count)
  }
}
