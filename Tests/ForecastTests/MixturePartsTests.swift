import Counting
import Glibc
import RoutingTrace
import TestSupport
import Testing

@testable import Forecast

/// Every counting part alone in a mixture, against its formula over a list of all events so far.
@Suite struct MixturePartsTests {
  static let layers = 5
  static let experts = 9
  static let topK = 2

  /// One token of the history.
  struct Token {
    var request: Int
    var sets: [[Int]]
  }

  /// `(c[j] + 1/2) / (sum c + E/2)`.
  static func prior(_ history: [Token], _ layer: Int) -> [Double] {
    let counts = count(history.map { $0.sets[layer] })
    let total = counts.reduce(0, +) + Double(experts) / 2
    return counts.map { ($0 + 0.5) / total }
  }

  static func count(_ sets: [[Int]]) -> [Double] {
    var counts = [Double](repeating: 0, count: experts)
    for id in sets.joined() { counts[id] += 1 }
    return counts
  }

  /// The mean over contexts of `(counts + strength prior) / (their sum + strength)`.
  static func mean(_ rows: [[Double]], strength: Double, prior: [Double]) -> [Double] {
    guard !rows.isEmpty else { return prior }
    return (0..<experts).map { j in
      rows.reduce(0) { sum, row in
        sum + (row[j] + strength * prior[j]) / (row.reduce(0, +) + strength)
      } / Double(rows.count)
    }
  }

  static func back(_ part: MixtureParts) -> Int? {
    switch part {
    case .layer: 1
    case .skip2: 2
    case .skip3: 3
    case .skip4: 4
    default: nil
    }
  }

  /// What `part` should say of `token` at `layer`.
  static func expected(
    _ part: MixtureParts, _ history: [Token], _ token: Token, _ layer: Int
  ) -> [Double] {
    let prior = prior(history, layer)
    let previous = history.last { $0.request == token.request }?.sets
    func rows(_ given: [Int], _ context: (Int) -> [Int]?) -> [[Double]] {
      given.map { id in
        count(
          history.indices.filter { context($0)?.contains(id) == true }.map {
            history[$0].sets[layer]
          })
      }
    }
    func before(_ index: Int) -> [[Int]]? {
      history[..<index].last { $0.request == history[index].request }?.sets
    }
    func layerRows(_ back: Int) -> [Double] {
      guard layer >= back else { return prior }
      return mean(
        rows(token.sets[layer - back]) { history[$0].sets[layer - back] }, strength: 2,
        prior: prior)
    }
    func tokenRows() -> [Double] {
      guard let previous else { return prior }
      return mean(rows(previous[layer]) { before($0)?[layer] }, strength: 2, prior: prior)
    }
    if let back = back(part) { return layerRows(back) }
    switch part {
    case .frequency: return prior
    case .token: return tokenRows()
    case .request:
      let own = count(history.filter { $0.request == token.request }.map { $0.sets[layer] })
      return zip(own, prior).map { ($0 + 4 * $1) / (own.reduce(0, +) + 4) }
    case .recent:
      var own = [Double](repeating: 0, count: experts)
      for past in history where past.request == token.request {
        own = own.map { $0 * 0.9 }
        for id in past.sets[layer] { own[id] += 1 }
      }
      return zip(own, prior).map { ($0 + $1) / (own.reduce(0, +) + 1) }
    case .pairs:
      guard layer >= 2 else { return layerRows(1) }
      let pairs = token.sets[layer - 2].flatMap { a in token.sets[layer - 1].map { (a, $0) } }
      return mean(
        pairs.map { a, b in
          count(
            history.filter { $0.sets[layer - 2].contains(a) && $0.sets[layer - 1].contains(b) }
              .map { $0.sets[layer] })
        }, strength: 3, prior: layerRows(1))
    case .repeats:
      let fallback = layerRows(1)
      func known(_ sets: [[Int]], _ previous: [[Int]]?) -> [Set<Int>] {
        (1...3).map { layer >= $0 ? Set(sets[layer - $0]) : [] } + [Set(previous?[layer] ?? [])]
      }
      let own = count(
        history.indices.filter {
          known(history[$0].sets, before($0)) == known(token.sets, previous)
        }.suffix(RepeatTable.depth).map { history[$0].sets[layer] })
      return zip(own, fallback).map { ($0 + 0.5 * $1) / (own.reduce(0, +) + 0.5) }
    default:
      let fallback = zip(layerRows(1), tokenRows()).map { ($0 + $1) / 2 }
      guard layer >= 1, let previous else { return fallback }
      let pairs = token.sets[layer - 1].flatMap { a in previous[layer].map { (a, $0) } }
      return mean(
        pairs.map { a, b in
          count(
            history.indices.filter {
              history[$0].sets[layer - 1].contains(a) && before($0)?[layer].contains(b) == true
            }.map { history[$0].sets[layer] })
        }, strength: 3, prior: fallback)
    }
  }

  @Test(arguments: [
    "frequency", "layer", "skip2", "skip3", "skip4", "token", "request", "recent", "pairs",
    "joint-pairs", "repeats",
  ])
  func everyCountingPartFollowsItsFormula(name: String) throws {
    let shape = try TraceShape(
      modelLayers: Array(0..<Self.layers), experts: Self.experts, topK: Self.topK)
    var random = SplitMix64(seed: 12)
    let requests = (0..<2).map { _ in
      RequestTrace.random(shape: shape, prefill: 0, decode: 20, using: &random)
    }
    let options = try #require(MixtureOptions(name: "mixture:only-\(name)"))
    var mixture = Mixture(shape: shape, options: options)
    var live = RequestBook()
    var history: [Token] = []
    for chunk in try chunks(of: requests, shape: shape, chunkTokens: 1) {
      let block = live.resolve(chunk.block)
      let sets = (0..<Self.layers).map { layer in
        (0..<Self.topK).map { Int(block.ids[layer * block.rows * Self.topK + $0]) }
      }
      let token = Token(request: Int(block.runs[0].request), sets: sets)
      let collected = Collected()
      mixture.process(block) { event, probabilities in
        collected.forecasts[event.layer] = Array(probabilities)
      }
      for layer in 0..<Self.layers {
        let wanted = Self.expected(options.parts, history, token, layer)
        for (found, wanted) in zip(collected.forecasts[layer], wanted) {
          #expect(abs(found - wanted) < 1e-6, "token \(history.count), layer \(layer)")
        }
      }
      history.append(token)
    }
    #expect(history.count == 40)
  }

  /// What a single-threaded run's callback saw.
  final class Collected: @unchecked Sendable {
    var forecasts = [[Double]](repeating: [], count: MixturePartsTests.layers)
  }

  /// Two parts after one event, by hand: E = 2, K = 1, one layer; the first token chose expert 0.
  @Test func twoPartsByHand() throws {
    let shape = try TraceShape(modelLayers: [0], experts: 2, topK: 1)
    var mixture = Mixture(
      shape: shape, options: try #require(MixtureOptions(name: "mixture:only-frequency:with-token"))
    )
    var live = RequestBook()
    let collected = Collected()
    for chunk in try chunks(of: [RequestTrace(prefill: 0, ids: [0, 0])], shape: shape) {
      mixture.process(live.resolve(chunk.block)) { event, probabilities in
        collected.forecasts[event.token] = Array(probabilities)
      }
    }
    #expect(collected.forecasts[0].allSatisfy { abs($0 - 0.5) < 1e-15 })
    // Before the first event both parts say 1/2, so x = log(0.498 / 0.502) for either expert, and
    // w = 0.6 for either part: s = 1 / (1 + exp(-1.2 x)). The gradient is x (1 - 2 s), its mean
    // square 0.999 * 0.001 + 0.001 g^2. Then both parts say P0 = (1.5, 0.5) / 2, as row 0 is empty
    // still.
    let x = log(0.498 / 0.502)
    let g = x * (1 - 2 / (1 + exp(-1.2 * x)))
    let w = 0.6 + 0.002 * g / (0.999 * 0.001 + 0.001 * g * g).squareRoot()
    let s = [0.75, 0.25].map { p in
      let q = 0.995 * p + 0.0005
      return 1 / (1 + pow(q / (1 - q), -2 * w))
    }
    for expert in 0..<2 {
      #expect(abs(collected.forecasts[1][expert] - s[expert] / (s[0] + s[1])) < 2e-6)
    }
  }

  /// A linear part alone learns a rule of two causes that no single row shows.
  @Test func theLinearPartAddsUpWhatItKnows() throws {
    let shape = try TraceShape(modelLayers: [0, 1, 2], experts: 8, topK: 2)
    var random = SplitMix64(seed: 2)
    var ids: [UInt16] = []
    for _ in 0..<1500 {
      let a = UInt16.random(in: 0..<4, using: &random)
      let b = 4 + UInt16.random(in: 0..<4, using: &random)
      // The third layer takes one expert from each of the layers before.
      ids += [a, (a + 1) % 4, b, b == 7 ? 4 : b + 1, a, b]
    }
    var mixture = Mixture(
      shape: shape, options: try #require(MixtureOptions(name: "mixture:only-linear")))
    var live = RequestBook()
    let tally = Tally()
    for chunk in try chunks(of: [RequestTrace(prefill: 0, ids: ids)], shape: shape) {
      mixture.process(live.resolve(chunk.block)) { event, probabilities in
        guard event.layer == 2, event.token >= 1000 else { return }
        let best = Ranking.best(2, by: probabilities)
        tally.hits += (0..<2).count { best.contains(event.chosen[$0]) }
        tally.chosen += 2
      }
    }
    #expect(tally.chosen == 1000 && tally.hits > 980)
  }

  final class Tally: @unchecked Sendable {
    var hits = 0
    var chosen = 0
  }
}
