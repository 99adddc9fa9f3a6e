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
    /// Whether the run without forecasts holds it too, as a layer begins.
    var isInBaseline = false
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

  /// Marks the copies that another run holds too.
  ///
  /// - Parameter missing: Called with every copy that only the other run holds.
  mutating func mark(beside other: CopyStore, missing: (ExpertKey) -> Void) {
    for index in copies.indices { copies[index].isInBaseline = false }
    for copy in other.copies {
      let index = Int(place[copy.key])
      if index >= 0 { copies[index].isInBaseline = true } else { missing(copy.key) }
    }
  }

  /// Says what the copy is worth now, if there is one.
  mutating func setValue(_ value: Double, of key: ExpertKey) {
    if holds(key) { copies[Int(place[key])].value = value }
  }

  /// The copy that would make room for a newcomer, nil while there is room.
  ///
  /// - Parameters:
  ///   - sparesBaseline: Whether copies that the run without forecasts holds too stay as long as
  ///     there is another.
  ///   - nextUse: The turn at which an expert is next used, for ``EvictionPolicy/belady``.
  /// - Complexity: O(copies).
  func victim(
    _ policy: EvictionPolicy, sparesBaseline: Bool = false, nextUse: (ExpertKey) -> Int
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
    var best = 0
    var least = worth(copies[0])
    for index in 1..<copies.count {
      let spares = sparesBaseline && copies[index].isInBaseline
      let bestIsSpared = sparesBaseline && copies[best].isInBaseline
      if spares, !bestIsSpared { continue }
      let own = worth(copies[index])
      if spares != bestIsSpared || own < least
        || own == least
          && (copies[index].lastUse, copies[index].key) < (copies[best].lastUse, copies[best].key)
      {
        (best, least) = (index, own)
      }
    }
    return copies[best]
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
