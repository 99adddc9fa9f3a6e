import Demand
import RoutingTrace

/// What a batch that nobody knew beforehand is expected to ask of every layer's experts.
///
/// How many requests a layer gets is known (B K), so loads add up to that.
struct BatchLoads {
  /// What loads are expected by.
  enum Source {
    /// What batches before, or none, tell.
    case batches(any DemandForecast)
    /// Every token's chances, by layers ahead from 1, and of the next token.
    case chances(laterLayers: [ChanceTable?], nextToken: ChanceTable?)
    /// The choices themselves: a bound.
    case oracle
  }

  private let pool: RequestPool
  private var source: Source
  private let distance: Int
  /// Tokens that begin a request.
  private let firsts: Set<Int>
  /// The batch's tokens, and those that follow them in their requests and are not among them.
  private var tokens: [Int] = []
  private var following: [Int] = []
  /// By layer: how often experts were chosen, and how often chances had them expected: loads are set
  /// right by these.
  private var seen: [[Double]]
  private var expected: [[Double]]
  /// By layer: what chances tell of it, until it comes.
  private var pending: [[Double]?]

  /// - Parameter distance: Layers ahead that it is asked for.
  init(_ pool: RequestPool, _ source: Source, distance: Int) {
    self.pool = pool
    self.source = source
    self.distance = distance
    firsts = Set(pool.starts)
    let (layers, experts) = (pool.shape.layers, pool.shape.experts)
    seen = Array(repeating: Array(repeating: 0, count: experts), count: layers)
    expected = seen
    pending = Array(repeating: nil, count: layers)
  }

  /// Whether it expects anything at all.
  var expectsNothing: Bool {
    if case .batches(let forecast) = source { forecast.certainty == .nothing } else { false }
  }

  /// A step begins.
  mutating func begin(_ tokens: [Int]) {
    self.tokens = tokens
    let now = Set(tokens)
    following = tokens.map { $0 + 1 }.filter { !firsts.contains($0) && !now.contains($0) }
  }

  /// A layer's choices are known.
  mutating func observe(step: Int, layer: Int, chosen: [UInt16]) {
    if case .batches(var forecast) = source {
      forecast.observe(step: step, layer: layer, chosen: chosen)
      source = .batches(forecast)
    }
    guard let told = pending[layer] else { return }
    for id in chosen where Int(id) < told.count { seen[layer][Int(id)] += 1 }
    for (expert, load) in told.enumerated() { expected[layer][expert] += load }
    pending[layer] = nil
  }

  /// Expected requests of every expert at a layer of this step, of which the one `distance` before
  /// is known.
  mutating func later(_ layer: Int) -> [Double] {
    switch source {
    case .batches(let forecast):
      return scaled(forecast.laterLayer(layer, observed: layer - distance), to: tokens.count)
    case .chances(let tables, _):
      guard tables.indices.contains(distance - 1), let table = tables[distance - 1] else {
        return Array(repeating: 0, count: pool.shape.experts)
      }
      let load = told(table, tokens, layer)
      pending[layer] = load
      // A mixture leaves every expert a small chance, and over many tokens these add up.
      let right = load.indices.map {
        load[$0] * (seen[layer][$0] + 1) / (expected[layer][$0] + 1)
      }
      return scaled(right, to: tokens.count)
    case .oracle: return counted(tokens, layer)
    }
  }

  /// The same of a layer of the next step, that of this step being known: of the requests that go on.
  func next(_ layer: Int) -> [Double] {
    switch source {
    case .batches(let forecast):
      // Of batches alone nobody knows who goes on.
      return scaled(forecast.nextStep(layer: layer), to: tokens.count)
    case .chances(_, let table):
      guard let table else { return Array(repeating: 0, count: pool.shape.experts) }
      return scaled(told(table, following, layer), to: following.count)
    case .oracle: return counted(following, layer)
    }
  }

  /// What tokens choose.
  private func counted(_ tokens: [Int], _ layer: Int) -> [Double] {
    var load = Array(repeating: 0.0, count: pool.shape.experts)
    for id in pool.chosen(by: tokens, layer: layer) where Int(id) < load.count {
      load[Int(id)] += 1
    }
    return load
  }

  /// What a table tells of tokens.
  private func told(_ table: ChanceTable, _ tokens: [Int], _ layer: Int) -> [Double] {
    var load = Array(repeating: 0.0, count: pool.shape.experts)
    for token in tokens {
      let row = table.row(token: token, layer: layer)
      for (expert, chance) in zip(load.indices, row) { load[expert] += Double(chance) }
    }
    return load
  }

  /// Loads that add up to the requests of so many tokens; nothing where nothing is expected.
  private func scaled(_ load: [Double], to tokens: Int) -> [Double] {
    let sum = load.reduce(0, +)
    guard sum > 0 else { return load }
    let scale = Double(tokens * pool.shape.topK) / sum
    return load.map { $0 * scale }
  }
}
