extension RequestPool {
  /// All the pool's tokens, each once, as so many requests at a time give them: a token of each
  /// under way a step. Requests begin in the order of the pool; where one ends, the next takes its
  /// slot, and slots stay empty once none is left. One at a time, tokens come in the order in which
  /// the trace has them, requests interleaved as they are there.
  ///
  /// - Precondition: `slots` is positive.
  /// - Returns: The tokens of every step, slot by slot.
  /// - Complexity: O(tokens + steps * slots).
  package func sideBySide(_ slots: Int) -> [[Int]] {
    precondition(slots > 0, "no request may be under way")
    guard slots > 1 else { return arrival.joined().map { [$0] } }
    var waiting = (0..<requests).makeIterator()
    /// The tokens that are left of the request in each slot.
    var running: [Range<Int>?] = (0..<slots).map { _ in nil }
    var steps: [[Int]] = []
    while true {
      var tokens: [Int] = []
      for slot in running.indices {
        if running[slot] == nil {
          running[slot] = waiting.next().map { starts[$0]..<starts[$0 + 1] }
        }
        guard let left = running[slot] else { continue }
        tokens.append(left.lowerBound)
        let rest = left.dropFirst()
        running[slot] = rest.isEmpty ? nil : rest
      }
      if tokens.isEmpty { return steps }
      steps.append(tokens)
    }
  }
}
