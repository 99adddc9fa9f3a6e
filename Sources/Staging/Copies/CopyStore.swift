import Demand

/// The copies of experts in one die's HBM beside its homes, all layers together.
struct CopyStore: Sendable {
  struct Copy: Sendable {
    let key: ExpertKey
    /// Turn at which it was last read, or at which it came.
    var lastUse: Int
    /// Turn at which it came.
    let arrived: Int
    var uses = 0
    /// What the forecast expects it to save, in seconds a step.
    var value: Double
    /// Brought by a transfer and not read yet.
    var isFresh: Bool
  }

  /// Copies that fit.
  let slots: Int
  private(set) var copies: [Copy] = []
  /// Every expert's place in `copies`, or -1.
  private var place: ByExpert<Int32>
  /// A bit an expert: whether there is a copy.
  private var held: [UInt64]

  /// Room for `slots` copies, of a model of so many layers and experts.
  init(slots: Int, layers: Int, experts: Int) {
    self.slots = min(slots, layers * experts)
    place = ByExpert(repeating: -1, layers: layers, experts: experts)
    held = Array(repeating: 0, count: (layers * experts + 63) / 64)
  }

  func holds(_ key: ExpertKey) -> Bool {
    let number = place.number(of: key)
    return held[number >> 6] & 1 << UInt64(number & 63) != 0
  }

  private mutating func flip(_ key: ExpertKey) {
    let number = place.number(of: key)
    held[number >> 6] ^= 1 << UInt64(number & 63)
  }

  func isFresh(_ key: ExpertKey) -> Bool { holds(key) && copies[Int(place[key])].isFresh }

  /// Counts a read of the copy, if there is one.
  mutating func use(_ key: ExpertKey, at turn: Int) {
    guard holds(key) else { return }
    let index = Int(place[key])
    copies[index].lastUse = turn
    copies[index].uses += 1
    copies[index].isFresh = false
  }

  /// Experts of a layer of which there are copies, ascending.
  ///
  /// - Complexity: O(experts).
  func experts(ofLayer layer: Int) -> [Int] {
    let first = place.numbers(ofLayer: layer).lowerBound
    return place.numbers(ofLayer: layer).filter { place.values[$0] >= 0 }.map { $0 - first }
  }

  /// Says what a layer's copies are worth now.
  mutating func revalue(layer: Int, _ value: (Copy) -> Double) {
    for number in place.numbers(ofLayer: layer) where place.values[number] >= 0 {
      let index = Int(place.values[number])
      copies[index].value = value(copies[index])
    }
  }

  /// The experts of which another store has a copy and this one has none, ascending.
  ///
  /// - Complexity: O(layers * experts / 64).
  func missing(of other: CopyStore) -> [ExpertKey] {
    var missing: [ExpertKey] = []
    for word in held.indices {
      var bits = other.held[word] & ~held[word]
      while bits != 0 {
        let number = word << 6 + bits.trailingZeroBitCount
        missing.append(
          ExpertKey(layer: number / place.experts, expert: number % place.experts))
        bits &= bits - 1
      }
    }
    return missing
  }

  /// Says what the copy is worth now, if there is one.
  mutating func setValue(_ value: Double, of key: ExpertKey) {
    if holds(key) { copies[Int(place[key])].value = value }
  }

  /// The copy that would make room for a newcomer, nil while there is room.
  ///
  /// - Parameters:
  ///   - spared: Copies that stay as long as there is another.
  ///   - nextUse: The turn at which an expert is next used, for ``EvictionPolicy/belady``.
  /// - Complexity: O(copies).
  func victim(
    _ policy: EvictionPolicy, sparing spared: CopyStore? = nil, nextUse: (ExpertKey) -> Int
  ) -> Copy? {
    guard copies.count >= slots, !copies.isEmpty else { return nil }
    func worth(_ copy: Copy) -> Double {
      switch policy {
      case .leastRecent: 0
      case .leastFrequent: Double(copy.uses)
      case .leastExpected: copy.value
      case .belady: -Double(nextUse(copy.key))
      }
    }
    func isSpared(_ copy: Copy) -> Bool { spared.map { $0.holds(copy.key) } ?? false }
    var best = 0
    var (least, bestIsSpared) = (worth(copies[0]), isSpared(copies[0]))
    for index in 1..<copies.count {
      let own = worth(copies[index])
      let isLess =
        own < least
        || own == least
          && (copies[index].lastUse, copies[index].key) < (copies[best].lastUse, copies[best].key)
      // Whether one is spared is looked up only where it decides.
      guard isLess || bestIsSpared else { continue }
      let spares = isSpared(copies[index])
      if spares == bestIsSpared ? isLess : bestIsSpared {
        (best, least, bestIsSpared) = (index, own, spares)
      }
    }
    return copies[best]
  }

  /// Adds a copy; there must be room.
  mutating func add(_ copy: Copy) {
    place[copy.key] = Int32(copies.count)
    copies.append(copy)
    flip(copy.key)
  }

  /// Removes a copy, which must be there.
  mutating func remove(_ key: ExpertKey) {
    let index = Int(place[key])
    place[key] = -1
    flip(key)
    let last = copies.removeLast()
    if index < copies.count {
      copies[index] = last
      place[last.key] = Int32(index)
    }
  }
}
