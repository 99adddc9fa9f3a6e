import Forecast
import Prequential
import RoutingTrace
import TestSupport
import Testing

@testable import Demand

/// Batches of requests of several lengths, forecast step by step, beside the same computed from
/// whole requests with one session each.
struct BatchForecastPassTests {
  private static let predictors = ["frequency", "layer-markov", "mixture", "mixture:h2"]
  private static let lengths = [5, 2, 7, 3, 3, 6]

  private let shape: TraceShape
  private let requests: [RequestTrace]
  private let learner: Learner

  init() throws {
    shape = try TraceShape(modelLayers: [0, 1, 2, 4], experts: 16, topK: 2)
    var random = SplitMix64(seed: 5)
    let shape = shape
    let learnt = (0..<8).map { _ in
      RequestTrace.random(shape: shape, prefill: 3, decode: 9, using: &random)
    }
    requests = Self.lengths.map {
      RequestTrace.random(shape: shape, prefill: 1, decode: $0 - 1, empty: 0.1, using: &random)
    }
    var learner = try Learner(shape: shape, predictors: Self.predictors)
    for block in try chunks(of: learnt, shape: shape) { try learner.consume(block) }
    self.learner = learner
  }

  /// The experts that a request's token chose.
  private func chosen(_ request: Int, _ token: Int, _ layer: Int) -> [UInt16] {
    let first = token * shape.idsPerToken + layer * shape.topK
    return requests[request].ids[first..<first + shape.topK].filter {
      $0 != TokenBlock.emptySlot
    }
  }

  /// Which requests give which token, step by step, slot by slot.
  private func steps(_ slots: Int) -> [[(request: Int, token: Int)]] {
    var next = slots
    var under = (0..<slots).map { (request: $0, token: 0) }
    var steps: [[(request: Int, token: Int)]] = []
    while true {
      let step = under.filter { $0.request < requests.count }
      if step.isEmpty { return steps }
      steps.append(step)
      for slot in under.indices where under[slot].request < requests.count {
        under[slot].token += 1
        if under[slot].token == Self.lengths[under[slot].request] {
          under[slot] = (next, 0)
          next += 1
        }
      }
    }
  }

  /// All unions, every expert told, computed from probabilities that sessions give.
  private func bruteForce(_ slots: Int, by predictor: Int, learns: Bool) throws -> [BatchForecast] {
    var learner = learner
    let sessions = requests.indices.map { learner.session(of: UInt64(100 + $0)) }
    let horizon = learner.horizon(of: predictor)
    var unions: [BatchForecast] = []
    for (step, tokens) in steps(slots).enumerated() {
      for (request, token) in tokens {
        try learner.open(token < 1 ? .prefill : .decode, in: sessions[request])
      }
      for layer in 0..<shape.layers {
        let known = sessions[tokens[0].request].known ?? 0
        // What is further ahead than the horizon waits until more is known.
        for late in known..<max(known, layer + 1 - horizon) {
          for (request, token) in tokens {
            try learner.observe(chosen(request, token, late), layer: late, in: sessions[request])
          }
        }
        var nobody = [Double](repeating: 1, count: 16)
        var sums = [Double](repeating: 0, count: 16)
        var union: Set<UInt16> = []
        for (request, token) in tokens {
          let chances = Array(try learner.forecast(layer, by: predictor, in: sessions[request]))
          for expert in 0..<16 {
            nobody[expert] *= 1 - min(1, 2 * chances[expert])
            sums[expert] += chances[expert]
          }
          union.formUnion(chosen(request, token, layer))
        }
        let order = (0..<16).sorted {
          let (one, other) = (1 - nobody[$0], 1 - nobody[$1])
          return one != other
            ? one > other : sums[$0] != sums[$1] ? sums[$0] > sums[$1] : $0 < $1
        }
        unions.append(
          BatchForecast(
            step: step, requests: tokens.count, layer: layer, horizon: horizon,
            experts: order.map { UInt16($0) }, chances: order.map { Float(1 - nobody[$0]) },
            chosen: union.sorted()))
      }
      var closed = ClosedTokens(shape: shape)
      for (request, token) in tokens {
        for layer in (sessions[request].known ?? 0)..<shape.layers {
          try learner.observe(chosen(request, token, layer), layer: layer, in: sessions[request])
        }
        try learner.close(
          sessions[request], endsRequest: token == Self.lengths[request] - 1, into: &closed)
      }
      if learns { try learner.learn(closed) }
    }
    return unions
  }

  /// The requests as numbered chunks of a trace, cut after so many tokens.
  private func blocks(ofTokens count: Int) throws -> [TokenBlock] {
    var tokens: [(request: Int, token: Int)] = []
    for (request, length) in Self.lengths.enumerated() {
      tokens += (0..<length).map { (request, $0) }
    }
    return try stride(from: 0, to: tokens.count, by: count).map { first in
      let part = tokens[first..<min(first + count, tokens.count)]
      var ids: [UInt16] = []
      for layer in 0..<shape.layers {
        for (request, token) in part {
          let own = chosen(request, token, layer)
          ids += own + Array(repeating: TokenBlock.emptySlot, count: shape.topK - own.count)
        }
      }
      return try TokenBlock(
        shape: shape,
        runs: part.map { request, token in
          TokenRun(
            request: UInt64(100 + request), stage: token < 1 ? .prefill : .decode,
            firstToken: token, count: 1, endsRequest: token == Self.lengths[request] - 1)
        }, ids: ids)
    }
  }

  private func unions(_ pass: BatchForecastPass, cut count: Int = 4) throws -> [BatchForecast] {
    var pass = pass
    var unions: [BatchForecast] = []
    for block in try blocks(ofTokens: count) { try pass.consume(block) { unions.append($0) } }
    try pass.finish { unions.append($0) }
    return unions
  }

  @Test(arguments: [1, 2, 3, 6, 9], [false, true])
  func unionsAreThoseOfTheirTokens(slots: Int, learns: Bool) throws {
    for (index, name) in Self.predictors.enumerated() {
      let expected = try bruteForce(slots, by: index, learns: learns)
      let pass = BatchForecastPass(learner, of: index, requests: slots, learns: learns)
      for cut in [1, 4, 100] {
        #expect(try unions(pass, cut: cut) == expected, "\(name), chunks of \(cut)")
      }
    }
  }

  /// A batch of one request has the order of its own forecasts, also where chances are cut to 1.
  @Test func aBatchOfOneIsTheRequestsOwnForecast() throws {
    for index in Self.predictors.indices {
      var plain = ForecastPass(learner, of: index, learns: true)
      plain.ranking = ForecastRanking(top: 16)
      var own: [RankedForecast] = []
      for block in try blocks(ofTokens: 7) { try plain.consume(block) { own.append($0) } }
      let pass = BatchForecastPass(learner, of: index, requests: 1, learns: true)
      let unions = try unions(pass)
      #expect(unions.map(\.experts) == own.map(\.experts))
      #expect(unions.map(\.layer) == own.map(\.layer))
      #expect(unions.map(\.chosen) == own.map { $0.chosen.sorted() })
    }
  }

  @Test func onlyWhatIsAskedForIsTold() throws {
    let all = try unions(BatchForecastPass(learner, of: 1, requests: 3, learns: false))
    var pass = BatchForecastPass(learner, of: 1, requests: 3, learns: false)
    pass.selection.layers = [2]
    pass.selection.every = 2
    pass.ranking = ForecastRanking(top: 5, above: 0.2)
    let some = try unions(pass)
    let expected = all.filter { $0.layer == 2 && $0.step % 2 == 0 }
    #expect(some.map(\.step) == expected.map(\.step) && !some.isEmpty)
    for (one, other) in zip(some, expected) {
      let above = other.chances.prefix(5).prefix { $0 >= 0.2 }
      #expect(one.chances == Array(above))
      #expect(one.experts == Array(other.experts.prefix(above.count)))
    }
    pass.selection.every = 1
    pass.selection.stages = [.prefill]
    // A request's first token alone is its prompt: three begin together, the fourth where the second
    // has ended, and two more where the first and the fourth end together.
    let prompts = try unions(pass)
    #expect(prompts.map(\.requests) == [3, 1, 2] && prompts.map(\.step) == [0, 2, 5])
  }

  @Test func recallCountsWhatWasTold() {
    var recall = UnionRecall()
    #expect(recall.recall == 0 && recall.meanTold == 0)
    for (experts, chosen) in [([3, 1, 2, 0], [1, 2]), ([5, 4], [4, 5, 9])] as [([UInt16], [UInt16])]
    {
      recall.add(
        BatchForecast(
          step: 0, requests: 2, layer: 0, horizon: 1, experts: experts,
          chances: experts.map { _ in 0.5 }, chosen: chosen))
    }
    #expect(recall.forecasts == 2 && recall.meanTold == 3 && recall.meanChosen == 2.5)
    #expect(recall.recall == 4.0 / 5 && recall.recallAtSize == 3.0 / 5)
  }

  @Test func aBlockOfAnotherShapeIsRefused() throws {
    let other = try TraceShape(modelLayers: [0], experts: 4, topK: 1)
    let run = TokenRun(request: 0, stage: .decode, firstToken: 0, count: 1)
    let block = try TokenBlock(shape: other, runs: [run], ids: [3])
    var pass = BatchForecastPass(learner, of: 0, requests: 2, learns: true)
    #expect(throws: LearnerError.self) { try pass.consume(block) { _ in } }
    #expect(pass.learner == learner)
  }
}
