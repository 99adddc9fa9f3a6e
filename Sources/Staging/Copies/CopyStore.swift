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

  /// Room for `slots` copies, of a model of so many layers and experts.
  init(slots: Int, layers: Int, experts: Int) {
    self.slots = min(slots, layers * experts)
    place = ByExpert(repeating: -1, layers: layers, experts: experts)
  }

  func holds(_ key: ExpertKey) -> Bool { place[key] >= 0 }

  func isFresh(_ key: ExpertKey) -> Bool { holds(key) && copies[Int(place[key])].isFresh }

  /// Counts a read of the copy, if there is one.
  mutating func use(_ key: ExpertKey, at turn: Int) {
    guard holds(key) else { return }
    let index = Int(place[key])
    copies[index].lastUse = turn
    copies[index].uses += 1
    copies[index].isFresh = false
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
    guard copies.count >= slots else { return nil }
    func rank(_ copy: Copy) -> (Int, Double, Int, ExpertKey) {
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
    var best: (Copy, (Int, Double, Int, ExpertKey))?
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

  /// Removes a copy, which must be there.
  mutating func remove(_ key: ExpertKey) {
    let index = Int(place[key])
    place[key] = -1
    let last = copies.removeLast()
    if index < copies.count {
      copies[index] = last
      place[last.key] = Int32(index)
    }
  }
}
