import Counting
import Forecast
import Prequential
import RoutingTrace
import TestSupport
import Testing

/// Closing tokens one after another is the pass over chunks, and so is any size of chunks.
@Suite struct LearnerSessionTests {
  static let predictors = [
    "frequency", "layer-markov", "layer-product", "token-markov", "mixture-fast", "mixture",
    "mixture:with-pairs:with-repeats:with-request:tasks", "mixture:next", "mixture:h3:cold-decode",
  ]

  static func shape() throws -> TraceShape {
    try TraceShape(modelLayers: [0, 1, 2, 4], experts: 16, topK: 2)
  }

  static func requests(_ count: Int, tokens: Int = 9) throws -> [RequestTrace] {
    var random = SplitMix64(seed: 31)
    let shape = try shape()
    return (0..<count).map { index in
      var request = RequestTrace.random(
        shape: shape, prefill: 3, decode: tokens - 3, empty: 0.05, using: &random)
      request.task = index % 3 == 0 ? "" : "task \(index % 3)"
      return request
    }
  }

  /// A token as the tests hand it out.
  struct Token {
    var run: TokenRun
    var task: String
    var ids: [UInt16]

    init(
      request: UInt64, position: Int, stage: Stage, task: String = "", ids: [UInt16],
      endsRequest: Bool = false
    ) {
      run = TokenRun(
        request: request, stage: stage, firstToken: position, count: 1, endsRequest: endsRequest)
      self.task = position == 0 ? task : ""
      self.ids = ids
    }
  }

  /// Tokens as a learner takes them.
  static func closed(_ tokens: some Sequence<Token>) throws -> ClosedTokens {
    var closed = ClosedTokens(shape: try shape())
    for token in tokens { closed.append(token.run, task: token.task, ids: token.ids) }
    return closed
  }

  /// The tokens of requests of which several are under way at a time, in the order of a server that
  /// decodes them in turns.
  static func interleaved(_ requests: [RequestTrace], together: Int) throws -> [Token] {
    let shape = try shape()
    var closed: [Token] = []
    for first in stride(from: 0, to: requests.count, by: together) {
      let group = first..<min(first + together, requests.count)
      for token in 0..<9 {
        for index in group {
          let request = requests[index]
          let at = token * shape.idsPerToken
          closed.append(
            Token(
              request: UInt64(index), position: token, stage: token < 3 ? .prefill : .decode,
              task: request.task, ids: Array(request.ids[at..<at + shape.idsPerToken]),
              endsRequest: token == 8))
        }
      }
    }
    return closed
  }

  static func learner(_ closed: [Token], at once: Int, live: Int = 4096) throws -> Learner {
    var learner = try Learner(
      shape: shape(), predictors: predictors, liveRequests: live)
    for first in stride(from: 0, to: closed.count, by: once) {
      try learner.learn(
        Self.closed(closed[first..<min(first + once, closed.count)]), workers: 2)
    }
    return learner
  }

  /// Which parts of two learners are not the same: a few words, where learners are pages.
  static func differences(_ one: Learner, _ other: Learner) -> [String] {
    var names: [String] = []
    if one.requests != other.requests { names.append("requests") }
    if one.progress != other.progress { names.append("progress") }
    for layer in one.layers.indices {
      if one.layers[layer].counts != other.layers[layer].counts { names.append("counts \(layer)") }
      for (index, name) in predictors.enumerated()
      where one.layers[layer].metrics[index] != other.layers[layer].metrics[index] {
        names.append("metrics \(layer) of \(name)")
      }
    }
    let learning = one.specs.filter { $0.settings != nil }.names
    for (name, (model, same)) in zip(learning, zip(one.models, other.models)) where model != same {
      names.append(name)
    }
    if names.isEmpty, one != other { names.append("something else") }
    return names
  }

  /// The size of chunks changes nothing, not even among more requests than are remembered.
  @Test(arguments: [(1, 4096), (5, 4096), (50, 4096), (50, 20), (50, 1)])
  func chunksMayBeCutAnywhere(together: Int, live: Int) throws {
    let closed = try Self.interleaved(try Self.requests(60), together: together)
    let whole = try Self.learner(closed, at: 4096, live: live)
    #expect(whole.progress.tokens == 540 && whole.layers[1].counts.largest > 50)
    for size in [1, 7, 64] {
      let cut = try Self.learner(closed, at: size, live: live)
      let differences = Self.differences(cut, whole)
      #expect(differences == [], "\(size) tokens a chunk")
    }
  }

  /// Forecast while they are routed, closed and learnt one after another: every forecast is the
  /// pass's, and so is the learner.
  @Test func tokensClosedOneAfterAnotherAreThePass() throws {
    let requests = try Self.requests(12)
    let shape = try Self.shape()
    var live = try Learner(shape: shape, predictors: Self.predictors)
    var metrics = Self.predictors.map { _ in
      (0..<shape.layers).map { _ in [Int](repeating: 0, count: shape.experts) }
    }
    for (index, request) in requests.enumerated() {
      let session = live.session(of: UInt64(index), task: request.task)
      for token in 0..<9 {
        try live.open(token < 3 ? .prefill : .decode, in: session)
        for layer in 0..<shape.layers {
          let at = (token * shape.layers + layer) * shape.topK
          let chosen = request.ids[at..<at + shape.topK].filter { $0 != TokenBlock.emptySlot }
          for predictor in Self.predictors.indices {
            let forecast = try live.forecast(layer, by: predictor, in: session)
            for id in chosen {
              let rank = try #require(
                Ranking.best(shape.experts, by: forecast).firstIndex(of: Int(id)))
              metrics[predictor][layer][rank] += 1
            }
          }
          try live.observe(chosen, layer: layer, in: session)
        }
        var closed = ClosedTokens(shape: shape)
        try live.close(session, endsRequest: token == 8, into: &closed)
        try live.learn(closed)
      }
    }
    let passed = try Self.learner(try Self.interleaved(requests, together: 1), at: 50)
    let differences = Self.differences(live, passed)
    #expect(differences == [])
    // Ranked in the session as the learner itself ranked when it learnt.
    for (predictor, name) in Self.predictors.enumerated() {
      for layer in 0..<shape.layers {
        let score = passed.layers[layer].metrics[predictor].score(of: Stage.allCases)
        #expect(metrics[predictor][layer].map(UInt64.init) == score.ranks, "\(name) \(layer)")
      }
    }
  }

  /// Tokens in flight together are learnt in the order in which they are closed.
  @Test func tokensInFlightAreLearntInTheOrderOfClosing() throws {
    let requests = try Self.requests(6)
    let shape = try Self.shape()
    var live = try Learner(shape: shape, predictors: Self.predictors)
    let sessions = requests.enumerated().map {
      live.session(of: UInt64($0), task: $1.task)
    }
    var closed: [Token] = []
    var random = SplitMix64(seed: 5)
    for token in 0..<9 {
      for session in sessions { try live.open(token < 3 ? .prefill : .decode, in: session) }
      for layer in 0..<shape.layers {
        for (request, session) in zip(requests, sessions) {
          for predictor in Self.predictors.indices {
            let sum = try live.forecast(layer, by: predictor, in: session).reduce(0, +)
            #expect(abs(sum - 1) < 1e-5)
          }
          let at = (token * shape.layers + layer) * shape.topK
          let chosen = request.ids[at..<at + shape.topK].filter { $0 != TokenBlock.emptySlot }
          try live.observe(chosen, layer: layer, in: session)
        }
      }
      // Whoever is done first is closed first.
      for index in sessions.indices.shuffled(using: &random) {
        var own = ClosedTokens(shape: shape)
        try live.close(sessions[index], endsRequest: token == 8, into: &own)
        closed.append(
          Token(
            request: UInt64(index), position: token, stage: token < 3 ? .prefill : .decode,
            task: requests[index].task, ids: own.ids, endsRequest: token == 8))
        try live.learn(own)
      }
    }
    var differences = Self.differences(live, try Self.learner(closed, at: 10))
    #expect(differences == [])
    // The order in which they were closed is what counts.
    let inTurns = try Self.interleaved(requests, together: 6)
    differences = Self.differences(live, try Self.learner(inTurns, at: 10))
    #expect(differences.contains("mixture"))
  }

  @Test func whatIsNoTokenIsNotLearnt() throws {
    var learner = try Learner(shape: Self.shape(), predictors: ["frequency", "mixture-fast"])
    let before = learner
    let token = Token(
      request: 1, position: 0, stage: .decode, ids: [0, 1, 2, 3, 4, 5, 6, 16])
    #expect(throws: BlockError.self) { try learner.learn(Self.closed([token])) }
    let isAsBefore = learner == before
    #expect(isAsBefore)
  }
}
