/// The copies of experts in one die's HBM beside its homes, all layers together.
struct CopyStore: Sendable {
  struct Copy: Sendable {
    var key: Int
    /// Ordinal of the (step, layer) at which it was last read, or at which it came.
    var lastUse: Int
    /// Ordinal at which it came.
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
  private var place: [Int32]

  /// - Parameter keys: `layers * experts`.
  init(slots: Int, keys: Int) {
    self.slots = min(slots, keys)
    place = Array(repeating: -1, count: keys)
  }

  func holds(_ key: Int) -> Bool { place[key] >= 0 }

  func isFresh(_ key: Int) -> Bool { place[key] >= 0 && copies[Int(place[key])].isFresh }

  mutating func use(_ key: Int, at time: Int) {
    guard place[key] >= 0 else { return }
    let index = Int(place[key])
    copies[index].lastUse = time
    copies[index].uses += 1
    copies[index].isFresh = false
  }

  mutating func setValue(_ value: Double, of key: Int) {
    if place[key] >= 0 { copies[Int(place[key])].value = value }
  }

  /// The copy that would make room for a newcomer, nil while there is room.
  ///
  /// - Parameters:
  ///   - spared: Copies that stay as long as there is another.
  ///   - nextUse: When a key is next used, for ``EvictionPolicy/belady``.
  func victim(
    _ policy: EvictionPolicy, sparing spared: CopyStore? = nil, nextUse: (Int) -> Int
  ) -> Copy? {
    guard copies.count >= slots else { return nil }
    func rank(_ copy: Copy) -> (Int, Double, Int, Int) {
      let isSpared = spared.map { $0.holds(copy.key) } ?? false
      let worth =
        switch policy {
        case .leastRecent: 0.0
        case .leastFrequent: Double(copy.uses)
        case .leastExpected: copy.value
        case .belady: -Double(nextUse(copy.key))
        }
      return (isSpared ? 1 : 0, worth, copy.lastUse, copy.key)
    }
    var best: (Copy, (Int, Double, Int, Int))?
    for copy in copies {
      let candidate = rank(copy)
      if best.map({ candidate < $0.1 }) ?? true { best = (copy, candidate) }
    }
    return best?.0
  }

  /// Adds a copy; there must be room.
  mutating func add(_ copy: Copy) {
    place[copy.key] = Int32(copies.count)
    copies.append(copy)
  }

  mutating func remove(_ key: Int) {
    let index = Int(place[key])
    place[key] = -1
    let last = copies.removeLast()
    if index < copies.count {
      copies[index] = last
      place[last.key] = Int32(index)
    }
  }
}
