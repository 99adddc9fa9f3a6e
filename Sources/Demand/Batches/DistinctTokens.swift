/// The tokens of a batch, each once: slots that replay the same token ask for the same experts.
struct DistinctTokens: Hashable, Sendable {
  /// Tokens of the pool, ascending.
  private(set) var tokens: [Int] = []
  /// The slots that hold each of them.
  private(set) var slots: [Int] = []

  init(_ batch: [Int]) {
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
