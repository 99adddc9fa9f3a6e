import Demand

/// A cache of experts with a fixed number of places, and the order in which they leave.
///
/// A place is found by looking at all of them: caches hold hundreds of experts, and every policy,
/// the forecast's too, is one comparison.
struct ExpertCache {
  /// Places.
  let capacity: Int
  private(set) var keys: [ExpertKey] = []
  /// Every expert's place in `keys`, or -1.
  private var place: ByExpert<Int32>

  /// An empty cache for a model of so many layers and experts.
  init(capacity: Int, layers: Int, experts: Int) {
    self.capacity = min(capacity, layers * experts)
    place = ByExpert(repeating: -1, layers: layers, experts: experts)
    keys.reserveCapacity(self.capacity)
  }

  var isFull: Bool { keys.count >= capacity }

  func holds(_ key: ExpertKey) -> Bool { place[key] >= 0 }

  /// Adds a key in a free place.
  mutating func add(_ key: ExpertKey) {
    place[key] = Int32(keys.count)
    keys.append(key)
  }

  /// Puts `key` where `victim` was.
  mutating func replace(_ victim: ExpertKey, by key: ExpertKey) {
    let index = place[victim]
    place[victim] = -1
    place[key] = index
    keys[Int(index)] = key
  }

  /// Adds a key, in the place of the key of lowest worth if there is no other.
  mutating func bring(_ key: ExpertKey, over worth: (ExpertKey) -> Double) {
    if !isFull {
      add(key)
    } else if let victim = lowest(worth) {
      replace(victim.key, by: key)
    }
  }

  /// The key of lowest worth, the lower of two on ties; nil if the cache is empty.
  @inline(__always)
  func lowest(_ worth: (ExpertKey) -> Double) -> (key: ExpertKey, worth: Double)? {
    guard var best = keys.first else { return nil }
    var lowest = worth(best)
    keys.withUnsafeBufferPointer { keys in
      var index = 1
      while index < keys.count {
        let key = keys[index]
        let value = worth(key)
        if value < lowest || (value == lowest && key < best) {
          lowest = value
          best = key
        }
        index += 1
      }
    }
    return (best, lowest)
  }
}
