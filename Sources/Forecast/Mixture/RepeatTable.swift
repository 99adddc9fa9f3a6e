import Counting
import RoutingTrace

/// What was chosen the last times that a context was met, in a hash table of bounded size.
///
/// A context's hash names a bucket of ``ways`` places, whose keys share a line of the cache, and
/// which of them gives way among equals. Where all are taken, the place with the fewest sets makes
/// way and each of the others loses its oldest set, but for its last one; so a full table keeps
/// what comes back.
struct RepeatTable: Hashable, Sendable {
  /// Places of a bucket.
  static let ways = 4
  /// Sets kept a context, the newest.
  static let depth = 4
  /// What the tables of all layers together may take, in bytes.
  static let budget = 32 << 20

  /// Slots of a set (K).
  let topK: Int
  /// A power of two, or 0 for a table that is not in use.
  let places: Int
  /// The context's hash with its lowest bit set, or 0.
  var keys: [UInt32]
  /// How many sets a place holds.
  var counts: [UInt32]
  /// `[place, set, slot]`, the newest set first; `RoutingTrace/TokenBlock/emptySlot` where a set
  /// had fewer.
  var sets: [UInt16]

  /// A table of at most `budget` bytes; without places where a bucket takes more.
  init(topK: Int, budget: Int) {
    self.topK = topK
    let places = Self.places(topK: topK, budget: budget)
    self.places = places
    keys = [UInt32](repeating: 0, count: places)
    counts = [UInt32](repeating: 0, count: places)
    sets = [UInt16](repeating: TokenBlock.emptySlot, count: places * Self.depth * topK)
  }

  /// Bytes of a place: its sets, key and count.
  private static func bytesOfPlace(topK: Int) -> Int { depth * topK * 2 + 8 }

  /// Places of a table of at most `budget` bytes: a power of two, or 0 where not even a bucket
  /// fits.
  static func places(topK: Int, budget: Int) -> Int {
    let each = bytesOfPlace(topK: topK)
    var places = budget < ways * each ? 0 : ways
    while places > 0, places * 2 * each <= budget { places *= 2 }
    return places
  }

  /// Bytes that a table takes.
  static func bytes(topK: Int, budget: Int) -> Int {
    places(topK: topK, budget: budget) * bytesOfPlace(topK: topK)
  }

  /// Where the context of a hash lies, or -1.
  @inline(__always)
  func find(_ hash: UInt32) -> Int {
    guard places > 0 else { return -1 }
    let key = hash | 1
    let bucket = bucket(hash)
    return keys.withUnsafeBufferPointer { keys in
      // `bucket` names whole buckets of this table only.
      guard let own = keys.baseAddress.map({ $0 + bucket }) else { return -1 }
      var way = 0
      while way < Self.ways {
        if own[way] == key { return bucket &+ way }
        way &+= 1
      }
      return -1
    }
  }

  /// Adds to `sums` how often each expert is in the sets of a place; returns how many ids they
  /// hold.
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
    let bucket = bucket(hash)
    let first = Int(hash >> 30)
    var weakest = bucket + first
    for way in 1..<Self.ways {
      let place = bucket + (first + way) % Self.ways
      if counts[place] < counts[weakest] { weakest = place }
    }
    if counts[weakest] > 0 {
      for place in bucket..<bucket + Self.ways where counts[place] > 1 { counts[place] -= 1 }
    }
    keys[weakest] = hash | 1
    counts[weakest] = 0
    return weakest
  }

  /// The first place of the bucket that a hash names.
  @inline(__always)
  private func bucket(_ hash: UInt32) -> Int { Int(hash) & (places &- 1) & ~(Self.ways &- 1) }
}
