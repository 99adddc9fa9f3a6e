import Testing

@testable import TraceImport

/// Requests in batches, told apart by their tokens' positions alone.
@Suite struct BatchedSequencesTests {
  /// The requests' prompts and tokens, a token's id saying whose it is.
  private func requests(_ batches: [Batch]) throws -> (texts: [String], cut: Int) {
    var sequences = BatchedSequences()
    for (pass, batch) in batches.enumerated() { try sequences.add(batch, pass: pass) }
    let texts = sequences.sequences.map { sequence in
      "\(sequence.prefill):" + sequence.tokens.map { "\($0)" }.joined(separator: " ")
    }
    return (texts, sequences.cutRows)
  }

  private func extend(_ prompts: [(first: Int, tokens: [Int])], mode: Batch.Mode = .extend) -> Batch
  {
    Batch(
      mode: mode, tokens: prompts.flatMap(\.tokens),
      positions: prompts.flatMap { prompt in prompt.tokens.indices.map { prompt.first + $0 } },
      lengths: prompts.map(\.tokens.count))
  }

  private func decode(_ rows: [(position: Int, token: Int)]) -> Batch {
    Batch(mode: .decode, tokens: rows.map(\.token), positions: rows.map(\.position))
  }

  @Test func rowsGoToTheRequestAtTheirPosition() throws {
    let found = try requests([
      extend([(0, [1, 1, 1]), (0, [2, 2])]), decode([(3, 1), (2, 2)]), extend([(0, [3])]),
      decode([(4, 1), (3, 2), (1, 3)]), decode([(5, 1), (2, 3)]),
    ])
    #expect(found.texts == ["3:1 1 1 1 1 1", "2:2 2 2 2", "1:3 3 3"])
    #expect(found.cut == 0)
  }

  /// Two at one position keep their order, as the engine's batch does.
  @Test func equalPositionsKeepTheOrder() throws {
    let found = try requests([
      extend([(0, [1, 1]), (0, [2, 2])]), decode([(2, 1), (2, 2)]), decode([(3, 1), (3, 2)]),
    ])
    #expect(found.texts == ["2:1 1 1 1", "2:2 2 2 2"])
  }

  /// Of two at one position one ends: nothing tells which, so neither goes on.
  @Test func whatCouldBeOfSeveralBeginsAnew() throws {
    let found = try requests([
      extend([(0, [1, 1]), (0, [2, 2])]), decode([(2, 1), (2, 2)]), decode([(3, 2)]),
      decode([(4, 2)]),
    ])
    #expect(found.texts == ["2:1 1 1", "2:2 2 2", "0:2 2"])
    #expect(found.cut == 1)
  }

  /// One that ended is no candidate when another reaches its position.
  @Test func endedRequestsAreForgotten() throws {
    let found = try requests([
      extend([(0, [1, 1, 1])]), decode([(3, 1)]), extend([(0, [2, 2, 2])]), decode([(3, 2)]),
      decode([(4, 2)]), decode([(5, 2)]),
    ])
    #expect(found.texts == ["3:1 1 1 1", "3:2 2 2 2 2 2"])
    #expect(found.cut == 0)
  }

  @Test func chunksOfAPromptAreJoined() throws {
    let found = try requests([
      extend([(0, [1]), (0, [2, 2])]), decode([(1, 1)]), extend([(2, [2, 2]), (0, [3])]),
      decode([(2, 1), (4, 2), (1, 3)]),
    ])
    #expect(found.texts == ["1:1 1 1", "4:2 2 2 2 2", "1:3 3"])
  }

  /// A prompt whose beginning is cached begins behind position 0.
  @Test func cachedBeginningsAreNoChunks() throws {
    let found = try requests([
      extend([(0, [1, 1])]), extend([(0, [9]), (2, [2])]), decode([(2, 1), (1, 9), (3, 2)]),
    ])
    #expect(found.texts == ["2:1 1 1", "1:9 9", "1:2 2"])
  }

  @Test func mixedPassesDecodeBehindTheirPrompts() throws {
    let found = try requests([
      extend([(0, [1, 1]), (0, [2])]),
      extend([(0, [3, 3]), (2, [1]), (1, [2])], mode: .mixed), decode([(3, 1), (2, 2), (2, 3)]),
    ])
    #expect(found.texts == ["2:1 1 1 1", "1:2 2 2", "2:3 3 3"])
  }

  /// A recording that begins in the middle has rows of requests that nobody saw begin.
  @Test func unknownRowsBeginRequestsWithoutAPrompt() throws {
    let found = try requests([decode([(7, 1), (7, 2)]), decode([(8, 1), (8, 2)])])
    #expect(found.texts == ["0:1 1", "0:2 2"])
    #expect(found.cut == 0)
  }

  @Test func positionsOfAPromptFollowEachOther() {
    let batch = Batch(mode: .extend, tokens: [1, 2], positions: [0, 2], lengths: [2])
    var sequences = BatchedSequences()
    let problem = #expect(throws: BatchProblem.self) { try sequences.add(batch, pass: 0) }
    #expect(problem?.text == "the position 2 in row 1 of a prompt's rows")
  }
}
