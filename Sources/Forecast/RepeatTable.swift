import RoutingTrace

/// What was chosen the last times that a context was met, in a hash table of bounded size.
///
/// A context finds its place within ``probes`` places of its hash. Where all are taken, the place with
/// the fewest sets makes way and each of the others loses its oldest set, but for its last one; so a
/// full table keeps what comes back.
struct RepeatTable: Hashable, Sendable {
  static let probes = 4
  /// Sets kept a context, the newest.
  static let depth = 4
  /// What the tables of all layers together may take, in bytes.
  static let budget = 32 << 20

  let topK: Int
  /// A power of two, or 0 for a table that is not in use.
  let places: Int
  /// The context's hash with its lowest bit set, or 0.
  var keys: [UInt32]
  /// How many sets a place holds.
  var counts: [UInt32]
  /// `[place, set, slot]`, the newest set first; ``TokenBlock/emptySlot`` where a set had fewer.
  var sets: [UInt16]

  /// A table of at most `budget` bytes; without places where that is less than a single probe's.
  init(topK: Int, budget: Int) {
    self.topK = topK
    let each = Self.depth * topK * 2 + 8
    var places = budget < Self.probes * each ? 0 : Self.probes
    while places > 0, places * 2 * each <= budget { places *= 2 }
    self.places = places
    keys = [UInt32](repeating: 0, count: places)
    counts = [UInt32](repeating: 0, count: places)
    sets = [UInt16](repeating: TokenBlock.emptySlot, count: places * Self.depth * topK)
  }

  /// Where the context of a hash lies, or -1.
  @inline(__always)
  func find(_ hash: UInt32) -> Int {
    guard places > 0 else { return -1 }
    let key = hash | 1
    let first = first(hash)
    var probe = 0
    while probe < Self.probes {
      let place = (first &+ probe) & (places &- 1)
      if keys[place] == key { return place }
      probe += 1
    }
    return -1
  }

  /// Adds to `sums` how often each expert is in the sets of a place; returns how many ids they hold.
  @inline(__always)
  func count(_ place: Int, into sums: UnsafeMutablePointer<Float>) -> Int {
    let first = place * Self.depth * topK
    var total = 0
    for index in first..<first + Int(counts[place]) * topK where sets[index] != TokenBlock.emptySlot
    {
      // Ids were checked by `TokenBlock`, or by `isSound(experts:)` where they were read.
      sums[Int(sets[index])] += 1
      total += 1
    }
    return total
  }

  /// Remembers what followed a context; `found` is what ``find(_:)`` said of it.
  @inline(__always)
  mutating func learn(_ hash: UInt32, found: Int, _ chosen: ExpertSet) {
    guard places > 0, let ids = chosen.first else { return }
    let place = found >= 0 ? found : claim(hash)
    let held = Int(counts[place])
    let kept = min(held, Self.depth - 1) * topK
    let topK = topK
    sets.withUnsafeMutableBufferPointer { sets in
      // `claim` and `find` give places of this table only; an event has at most top-k ids.
      guard let base = sets.baseAddress else { return }
      let own = base + place * Self.depth * topK
      var index = kept
      while index > 0 {
        index -= 1
        own[index + topK] = own[index]
      }
      var slot = 0
      while slot < topK {
        own[slot] = slot < chosen.count ? ids[slot] : TokenBlock.emptySlot
        slot += 1
      }
    }
    if held < Self.depth { counts[place] = UInt32(held + 1) }
  }

  /// A place for a context that has none.
  private mutating func claim(_ hash: UInt32) -> Int {
    let first = first(hash)
    let mask = places - 1
    var weakest = first
    for probe in 1..<Self.probes {
      let place = (first + probe) & mask
      if counts[place] < counts[weakest] { weakest = place }
    }
    if counts[weakest] > 0 {
      for probe in 0..<Self.probes {
        let place = (first + probe) & mask
        if counts[place] > 1 { counts[place] -= 1 }
      }
    }
    keys[weakest] = hash | 1
    counts[weakest] = 0
    return weakest
  }

  /// Whether state that was read is such as the kernels may trust.
  func isSound(experts: Int) -> Bool {
    counts.allSatisfy { $0 <= Self.depth }
      && sets.allSatisfy { $0 < experts || $0 == TokenBlock.emptySlot }
  }

  @inline(__always)
  private func first(_ hash: UInt32) -> Int { Int(hash >> 1) & (places - 1) }
}
