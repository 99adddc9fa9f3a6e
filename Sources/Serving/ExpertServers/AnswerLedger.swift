/// Who asked what, and what came back: kept where somebody wants to hold a run to the law that every
/// token's choice is answered once.
struct AnswerLedger {
  /// An expert in one call of a client.
  struct Entry: Hashable {
    let client: Int
    let call: Int
    let expert: Int
  }

  /// Tokens that were asked for and not answered; 0 where all were, below where some were twice.
  private(set) var owed: [Entry: Int] = [:]

  mutating func ask(_ tokens: Int, _ entry: Entry) { owed[entry, default: 0] += tokens }

  mutating func answer(_ tokens: Int, _ entry: Entry) { owed[entry, default: 0] -= tokens }
}
