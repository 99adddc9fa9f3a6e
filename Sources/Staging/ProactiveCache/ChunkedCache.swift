/// One layer's experts in one die's HBM, chunk by chunk.
///
/// An expert takes a place when its first chunk is asked for. Where there is none, the least recently
/// used leaves; never one with a chunk on its way, and those that are spared only for somebody who
/// could not go on otherwise.
struct ChunkedCache {
  /// An expert with a place.
  struct Entry: Hashable {
    let expert: Int
    /// Chunks asked for: come, or on their way.
    var asked = 0
    /// Chunks that have come.
    var ready = 0
    /// Those of them that came by a forecast and have not been computed with yet.
    var unread = 0
  }

  /// What became of a chunk that was asked for.
  enum Admission: Hashable {
    /// There is no place for its expert now.
    case refused
    /// It is on its way; who left for it, if anybody had to.
    case asked(evicted: Entry?)
  }

  /// Experts that have a place at the same time (S).
  let slots: Int
  /// Chunks of an expert.
  let chunks: Int
  /// The least recently used first; `slots` at most.
  private(set) var entries: [Entry] = []
  /// Experts forecast for the layer's turn, or asked for in it and not computed yet.
  private(set) var spared: Set<Int> = []

  init(slots: Int, chunks: Int) {
    self.slots = slots
    self.chunks = chunks
  }

  private func place(_ expert: Int) -> Int? { entries.firstIndex { $0.expert == expert } }

  /// Chunks of an expert that are there.
  func ready(_ expert: Int) -> Int { place(expert).map { entries[$0].ready } ?? 0 }

  /// Whether all of an expert is there.
  func isWhole(_ expert: Int) -> Bool { ready(expert) == chunks }

  /// Whether all of an expert is there or on its way.
  func isAsked(_ expert: Int) -> Bool { place(expert).map { entries[$0].asked == chunks } ?? false }

  /// Makes an expert the most recently used, if any chunk of it is there or on its way.
  mutating func touch(_ expert: Int) {
    guard let place = place(expert) else { return }
    entries.append(entries.remove(at: place))
  }

  /// Spares these experts and no others.
  mutating func spare(_ experts: [Int]) { spared = Set(experts) }

  /// Asks for an expert's next chunk.
  ///
  /// - Parameter isStuck: Whether whoever asks cannot go on without, so that nobody is spared.
  /// - Complexity: O(slots).
  mutating func ask(_ expert: Int, isStuck: Bool = false) -> Admission {
    if let place = place(expert) {
      guard entries[place].asked < chunks else { return .refused }
      entries[place].asked += 1
      return .asked(evicted: nil)
    }
    var evicted: Entry?
    if entries.count >= slots {
      let leaving = entries.firstIndex {
        $0.asked == $0.ready && (isStuck || !spared.contains($0.expert))
      }
      guard let leaving else { return .refused }
      evicted = entries.remove(at: leaving)
    }
    entries.append(Entry(expert: expert, asked: 1))
    return .asked(evicted: evicted)
  }

  /// A chunk has come.
  mutating func receive(_ expert: Int, byForecast: Bool) {
    guard let place = place(expert) else { return }
    entries[place].ready += 1
    if byForecast { entries[place].unread += 1 }
  }

  /// An expert has been computed: it may leave when others need its place.
  mutating func read(_ expert: Int) {
    if let place = place(expert) { entries[place].unread = 0 }
    spared.remove(expert)
  }

  /// Empties it of everything that has no chunk on its way.
  ///
  /// - Returns: What left.
  mutating func removeAll() -> [Entry] {
    let gone = entries.filter { $0.asked == $0.ready }
    entries.removeAll { $0.asked == $0.ready }
    return gone
  }
}
