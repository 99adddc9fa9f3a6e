/// In which order a die computes the experts of a layer's turn, each once.
struct ComputeOrder {
  /// Not begun, by their numbers.
  private(set) var waiting: [Int]
  /// Those of them that are whole, in the order in which they became so.
  private var ready: [Int]
  private let reorders: Bool

  /// - Parameters:
  ///   - experts: Of the turn, ascending.
  ///   - whole: Those that are there from the beginning, ascending.
  ///   - reorders: Whether the order is that of becoming ready; else that of their numbers.
  init(_ experts: [Int] = [], whole: [Int] = [], reorders: Bool = true) {
    waiting = experts
    ready = whole
    self.reorders = reorders
  }

  /// All of an expert has come.
  mutating func becomesReady(_ expert: Int) {
    if waiting.contains(expert), !ready.contains(expert) { ready.append(expert) }
  }

  /// A whole expert has had to leave.
  mutating func leaves(_ expert: Int) { ready.removeAll { $0 == expert } }

  /// Takes the expert that is computed now; nil where the next one is not ready.
  mutating func next() -> Int? {
    guard let next = reorders ? ready.first : waiting.first, ready.contains(next) else {
      return nil
    }
    waiting.removeAll { $0 == next }
    ready.removeAll { $0 == next }
    return next
  }
}
