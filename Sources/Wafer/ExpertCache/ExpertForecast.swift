import Glibc
import RoutingTrace

/// Chances that single experts are chosen, for one request at a time.
public protocol ExpertForecast {
  /// A new request begins.
  mutating func begin()

  /// The token's experts at `layer`; layers come in order, then the next token.
  mutating func observe(layer: Int, chosen: [UInt16])

  /// Fills the chance of every expert of `layer` to be chosen by the next token.
  mutating func nextToken(layer: Int, into chances: UnsafeMutableBufferPointer<Double>)

  /// Fills the chance of every expert of `layer + 1` to be chosen by this token.
  mutating func nextLayer(after layer: Int, into chances: UnsafeMutableBufferPointer<Double>)
}

/// An online log-linear blend of what one layer's counts say, learnt as the stream goes by.
///
/// Parts, all with the formulas of the forecasting module: frequency, layer Markov (one layer back),
/// token Markov (the previous token), the same from the token before, and the request's own decayed
/// frequency. Per layer, and for the next token and the next layer apart,
/// p(j) proportional to exp(sum of w log(P(j) + 1e-4)), and after the outcome
/// w += eta * sum over j of (y(j) / K - p(j)) log(P(j) + 1e-4).
public struct BlendForecast: ExpertForecast, Sendable {
  private let shape: TraceShape
  private let rate: Double
  private var layers: [LayerBlend]
  /// The previous and the current token's experts, by layer; empty where there is none.
  private var earlier: [[UInt16]]
  private var previous: [[UInt16]]
  private var current: [[UInt16]]

  /// - Parameter rate: How fast weights follow the stream (eta); by default .02 for top-1 and .005
  ///   for more.
  public init(shape: TraceShape, rate: Double? = nil) {
    self.shape = shape
    self.rate = rate ?? (shape.topK == 1 ? 0.02 : 0.005)
    layers = (0..<shape.layers).map { _ in LayerBlend(experts: shape.experts) }
    let none = Array(repeating: [UInt16](), count: shape.layers)
    (earlier, previous, current) = (none, none, none)
  }

  public mutating func begin() {
    let none = Array(repeating: [UInt16](), count: shape.layers)
    (earlier, previous, current) = (none, none, none)
    for layer in layers.indices { layers[layer].beginRequest() }
  }

  public mutating func observe(layer: Int, chosen: [UInt16]) {
    let before = layer > 0 ? current[layer - 1] : []
    let given = Given(layer: before, token: current[layer], earlierToken: previous[layer])
    layers[layer].learn(chosen, given: given, rate: rate)
    earlier[layer] = previous[layer]
    previous[layer] = current[layer]
    current[layer] = chosen
  }

  public mutating func nextToken(
    layer: Int, into chances: UnsafeMutableBufferPointer<Double>
  ) {
    let given = Given(layer: [], token: current[layer], earlierToken: previous[layer])
    layers[layer].forecast(given, .token, into: chances)
    scale(chances)
  }

  public mutating func nextLayer(
    after layer: Int, into chances: UnsafeMutableBufferPointer<Double>
  ) {
    // The next layer has not seen this token yet, so its newest experts are the previous token's.
    let given = Given(
      layer: current[layer], token: current[layer + 1], earlierToken: previous[layer + 1])
    layers[layer + 1].forecast(given, .layer, into: chances)
    scale(chances)
  }

  /// Shares that sum to 1 become chances of being among the K chosen.
  private func scale(_ chances: UnsafeMutableBufferPointer<Double>) {
    for index in chances.indices { chances[index] = min(1, Double(shape.topK) * chances[index]) }
  }
}

/// What a layer's forecast is given.
private struct Given {
  /// This token's experts one layer before.
  var layer: [UInt16]
  /// The request's previous token's experts here, and those of the token before it.
  var token: [UInt16]
  var earlierToken: [UInt16]
}

/// One layer's tables and weights.
private struct LayerBlend: Sendable {
  /// Which question is asked; each has its own weights.
  enum Axis: Int { case token, layer }

  private static let parts = 5
  private let experts: Int
  private var counts: [Float]
  private var total: Float = 0
  private var layerPairs: PairTable
  private var tokenPairs: PairTable
  private var earlierPairs: PairTable
  /// How often this request chose each expert, halved every few tokens.
  private var recent: [Float]
  private var weights: [[Double]]
  private var logs: [Double]
  private var shares: [Double]

  init(experts: Int) {
    self.experts = experts
    counts = Array(repeating: 0, count: experts)
    layerPairs = PairTable(experts: experts)
    tokenPairs = PairTable(experts: experts)
    earlierPairs = PairTable(experts: experts)
    recent = Array(repeating: 0, count: experts)
    // Alike at first; no weight on frequency, which all other parts fall back on.
    let even = [0, 0.4, 0.4, 0.2, 0.4]
    weights = [even, even]
    logs = Array(repeating: 0, count: experts * Self.parts)
    shares = Array(repeating: 0, count: experts)
  }

  mutating func beginRequest() {
    recent = Array(repeating: 0, count: experts)
  }

  mutating func forecast(
    _ given: Given, _ axis: Axis, into out: UnsafeMutableBufferPointer<Double>
  ) {
    fillLogs(given)
    blend(axis)
    for index in 0..<experts { out[index] = shares[index] }
  }

  mutating func learn(_ chosen: [UInt16], given: Given, rate: Double) {
    guard !chosen.isEmpty else { return }
    for axis in [Axis.token, .layer] {
      var seen = given
      if axis == .token { seen.layer = [] }
      fillLogs(seen)
      blend(axis)
      var error = shares.map { -$0 }
      for id in chosen { error[Int(id)] += 1 / Double(chosen.count) }
      for part in 0..<Self.parts {
        var gradient = 0.0
        for index in 0..<experts { gradient += error[index] * logs[part * experts + index] }
        weights[axis.rawValue][part] += rate * gradient
      }
    }
    for index in 0..<experts { recent[index] *= 0.9 }
    for id in chosen {
      counts[Int(id)] += 1
      recent[Int(id)] += 1
    }
    total += Float(chosen.count)
    layerPairs.learn(chosen, given: given.layer)
    tokenPairs.learn(chosen, given: given.token)
    earlierPairs.learn(chosen, given: given.earlierToken)
  }

  /// log(P + 1e-4) of every part and expert.
  private mutating func fillLogs(_ given: Given) {
    let floor: Float = 1e-4
    let prior = counts.map { ($0 + 0.5) / (total + Float(experts) / 2) }
    let recentTotal = recent.reduce(0, +) + 2
    logs.withUnsafeMutableBufferPointer { logs in
      for index in 0..<experts {
        logs[index] = Double(logf(prior[index] + floor))
        logs[4 * experts + index] = Double(
          logf((recent[index] + 2 * prior[index]) / recentTotal + floor))
      }
      for (part, table, rows) in [
        (1, layerPairs, given.layer), (2, tokenPairs, given.token),
        (3, earlierPairs, given.earlierToken),
      ] {
        let share = table.share(given: rows, prior: prior)
        for index in 0..<experts {
          logs[part * experts + index] = Double(logf(share[index] + floor))
        }
      }
    }
  }

  /// The blend of the parts in `logs`, into `shares`.
  private mutating func blend(_ axis: Axis) {
    let weights = weights[axis.rawValue]
    var highest = -Double.infinity
    for index in 0..<experts {
      var sum = 0.0
      for part in 0..<Self.parts { sum += weights[part] * logs[part * experts + index] }
      shares[index] = sum
      highest = max(highest, sum)
    }
    var total = 0.0
    for index in 0..<experts {
      shares[index] = exp(shares[index] - highest)
      total += shares[index]
    }
    for index in 0..<experts { shares[index] /= total }
  }
}

/// How often j was chosen when i was given.
private struct PairTable: Sendable {
  private let experts: Int
  private var counts: [Float]
  private var totals: [Float]

  init(experts: Int) {
    self.experts = experts
    counts = Array(repeating: 0, count: experts * experts)
    totals = Array(repeating: 0, count: experts)
  }

  mutating func learn(_ chosen: [UInt16], given: [UInt16]) {
    for from in given {
      for to in chosen { counts[Int(from) * experts + Int(to)] += 1 }
      totals[Int(from)] += Float(chosen.count)
    }
  }

  /// The mean over `given` of (C[i, j] + 2 P0(j)) / (n[i] + 2); P0 where nothing is given.
  func share(given: [UInt16], prior: [Float]) -> [Float] {
    guard !given.isEmpty else { return prior }
    var share = Array(repeating: Float(0), count: experts)
    for from in given {
      let row = Int(from) * experts
      let scale = 1 / ((totals[Int(from)] + 2) * Float(given.count))
      for index in 0..<experts { share[index] += (counts[row + index] + 2 * prior[index]) * scale }
    }
    return share
  }
}
