import Testing

@testable import ServiceProtocol

@Suite struct ReplyTests {
  /// Answers, each with the kind of a request that it answers.
  static let all: [(kind: UInt16, reply: Reply)] = [
    (
      1,
      .hello(
        Reply.Introduction(
          layers: 3, experts: 64, topK: 6, maximumRequests: 1024, maximumBody: 1 << 20,
          learns: true, modelLayers: [1, 3, 5], name: "tiny",
          predictors: [.init(name: "mixture", horizon: 1), .init(name: "frequency", horizon: 0)]))
    ),
    (4, .done),
    (
      7, .ranked(Reply.RankedBatch(top: 2, chances: [0.5, 0.25, 1, 0], ranked: [3, 4, 5, 0xFFFF]))
    ),
    (6, .ranked(Reply.RankedBatch(top: 4, chances: [], ranked: []))),
    (8, .counts(Reply.Counts(tokensLearnt: 1, tokensWaiting: 2, requests: 3, tokensSaved: 4))),
    (9, .score(Reply.Score(events: 9, recall: [0.1, 0.2, 0.3, 0.4], logLossBits: 5))),
    (11, .saved(tokens: 12)),
    (5, .refused(.badChoice, "layer 3: expert 64 is not one of 64")),
  ]

  @Test func comesBack() throws {
    for (kind, reply) in Self.all {
      let message = reply.message(to: kind, tag: 5)
      #expect(message.tag == 5 && message.kind == kind | 0x8000)
      #expect(try Reply(message) == reply)
    }
  }

  @Test func otherLengthsAreMalformed() {
    for (kind, reply) in Self.all {
      var message = reply.message(to: kind, tag: 5)
      let body = message.body
      for length in body.indices {
        message.body = body[..<length]
        #expect(throws: ProtocolError.self) { try Reply(message) }
      }
      message.body = body + [0]
      #expect(throws: ProtocolError.self) { try Reply(message) }
    }
  }

  @Test func hugeClaimsCostNothing() {
    let claim = Message(
      kind: 0x8006, tag: 1, body: [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
    #expect(throws: ProtocolError.self) { try Reply(claim) }
  }

  @Test func unknownKindsAndStatusesAreMalformed() {
    #expect(throws: ProtocolError(.malformed, "there is no answer of kind 12")) {
      try Reply(Message(kind: 12, tag: 1, body: []))
    }
    #expect(throws: ProtocolError(.malformed, "there is no status 999")) {
      try Reply(Message(kind: 0x8002, status: 999, tag: 1, body: []))
    }
  }
}
