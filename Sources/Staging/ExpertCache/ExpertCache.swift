/// A cache of experts with a fixed number of places, and the order in which they leave.
///
/// Keys are `layer * experts + expert`. A place is found by looking at all of them: caches hold
/// hundreds of experts, and every policy, the forecast's too, is one comparison.
struct ExpertCache {
  /// Places.
  let capacity: Int
  private(set) var keys: [Int32] = []
  private var place: [Int32]

  init(capacity: Int, keys count: Int) {
    self.capacity = min(capacity, count)
    place = Array(repeating: -1, count: count)
    keys.reserveCapacity(self.capacity)
  }

  var isFull: Bool { keys.count >= capacity }

  func holds(_ key: Int) -> Bool { place[key] >= 0 }

  /// Adds a key in a free place.
  mutating func add(_ key: Int) {
    place[key] = Int32(keys.count)
    keys.append(Int32(key))
  }

  /// Puts `key` where `victim` was.
  mutating func replace(_ victim: Int, by key: Int) {
    let index = place[victim]
    place[victim] = -1
    place[key] = index
    keys[Int(index)] = Int32(key)
  }

  /// The key of lowest worth, the lower of two on ties; nil if the cache is empty.
  @inline(__always)
  func lowest(_ worth: (Int) -> Double) -> (key: Int, worth: Double)? {
    var best = -1
    var lowest = Double.infinity
    keys.withUnsafeBufferPointer { keys in
      var index = 0
      while index < keys.count {
        let key = Int(keys[index])
        let value = worth(key)
        if value < lowest || (value == lowest && key < best) {
          lowest = value
          best = key
        }
        index += 1
      }
    }
    return best < 0 ? nil : (best, lowest)
  }
}

/// How well a cache met a stream of expert reads.
public struct CacheReport: Hashable, Sendable {
  /// Experts asked for, and found in the cache.
  public var reads = 0
  public var hits = 0
  /// Experts brought before they were asked for, and how many of them were read before they left.
  public var prefetches = 0
  public var prefetchesUsed = 0

  /// Hits a read.
  public var hitRate: Double { reads > 0 ? Double(hits) / Double(reads) : 0 }

  /// Share of the prefetched experts, none of which was resident, that was read.
  public var precision: Double {
    prefetches > 0 ? Double(prefetchesUsed) / Double(prefetches) : 0
  }

  /// Experts brought into the cache a read: misses and prefetches.
  public var traffic: Double {
    reads > 0 ? Double(reads - hits + prefetches) / Double(reads) : 0
  }
}
