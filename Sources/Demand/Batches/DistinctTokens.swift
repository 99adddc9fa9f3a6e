/// The tokens of a batch, each once: slots that replay the same token ask for the same experts.
package struct DistinctTokens: Hashable, Sendable {
  /// Tokens of the pool, ascending.
  package private(set) var tokens: [Int] = []
  /// The slots that hold each of them.
  package private(set) var slots: [Int] = []

  /// Sorts the tokens of a batch, one a slot.
  package init(_ batch: [Int]) {
    for token in batch.sorted() {
      if token == tokens.last {
        slots[slots.count - 1] += 1
      } else {
        tokens.append(token)
        slots.append(1)
      }
    }
  }
}
