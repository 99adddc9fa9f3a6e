extension BatchSchedule {
  /// A token of a step whose request's token before it has been in a batch.
  package struct Succession: Hashable, Sendable {
    /// A slot that holds the token before, of the step before or of the same step.
    package let from: Int
    package let isInStepBefore: Bool
    /// A slot that holds the token.
    package let to: Int
    /// The slots that hold it.
    package let slots: Int
  }

  /// The tokens of a step that follow one of the step before or, where prompts are taken in chunks,
  /// of the same step; each once.
  ///
  /// - Complexity: O(slots).
  package func successions(step: Int) -> [Succession] {
    func slots(_ step: Int) -> [Int: Int] {
      guard tokens.indices.contains(step) else { return [:] }
      return Dictionary(
        tokens[step].enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }
    let (before, now) = (slots(step - 1), slots(step))
    return zip(distinct[step].tokens, distinct[step].slots).compactMap { token, slots in
      guard !firsts.contains(token), let to = now[token] else { return nil }
      if let from = before[token - 1] {
        return Succession(from: from, isInStepBefore: true, to: to, slots: slots)
      }
      return now[token - 1].map {
        Succession(from: $0, isInStepBefore: false, to: to, slots: slots)
      }
    }
  }
}
