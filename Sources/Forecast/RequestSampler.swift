import RoutingTrace

/// Draws requests that route as the model has seen requests route.
///
/// Every layer of a token is drawn from the forecast given what is already drawn: the token's earlier
/// layers and the request's earlier tokens. A ``Mixture`` gives its own forecast; counts alone give
///
///     p(j) ~ P_layer(j) P_token(j) / P0(j)
///
/// of ``LayerMarkov`` and ``TokenMarkov``, as if the two causes were independent given the expert, or
/// the one of them that is kept, or ``Frequency``. Either is balanced against what was drawn before
/// (`DrawnBalance`), and K experts are drawn from it (`FixedSizeDraw`). A mixture with stored paths
/// begins every request with the path of a stored token, so that requests are of as many kinds as the
/// tokens it remembers. The same model and seed give the same ids.
public struct RequestSampler {
  private let shape: TraceShape
  private var mixture: Mixture?
  private var counts: [LayerCounts]
  private var draw: FixedSizeDraw
  private var random: SeededGenerator
  private let token: DrawnToken
  private var balance: DrawnBalance

  /// What the ids are drawn from, for people.
  public var source: String {
    guard mixture == nil else { return "mixture" }
    let tables = counts.first?.tables ?? []
    let names = [
      tables.contains(.layerPairs) ? "layer-markov" : nil,
      tables.contains(.tokenPairs) ? "token-markov" : nil,
    ].compactMap(\.self)
    return names.isEmpty ? "frequency" : names.joined(separator: " x ")
  }

  /// - Parameters:
  ///   - mixtures: the first that forecasts the next layer (horizon 1) is drawn from.
  ///   - counts: one a MoE layer; drawn from where there is no such mixture, and the frequencies that
  ///     draws are held to.
  ///   - temperature: above 1 draws more evenly, below 1 more surely.
  /// - Precondition: all are of `shape`; temperature is positive.
  public init(
    shape: TraceShape, mixtures: [Mixture], counts: [LayerCounts], seed: UInt64,
    temperature: Double = 1
  ) {
    precondition(counts.count == shape.layers)
    self.shape = shape
    mixture = mixtures.first { $0.options.horizon == 1 }?.withoutRequests
    self.counts = counts
    draw = FixedSizeDraw(experts: shape.experts, count: shape.topK, temperature: temperature)
    random = SeededGenerator(seed: seed)
    token = DrawnToken(shape: shape)
    balance = DrawnBalance(shape: shape, counts: counts)
  }

  /// The next request.
  ///
  /// - Parameters:
  ///   - prefill: tokens of the prompt, at most `tokens`; the rest are decoded.
  public mutating func next(tokens: Int, prefill: Int, name: String = "") -> RequestTrace {
    precondition((0...tokens).contains(prefill))
    var ids: [UInt16] = []
    ids.reserveCapacity(tokens * shape.idsPerToken)
    let stages = (0..<tokens).map { $0 < prefill ? Stage.prefill : .decode }
    let token = token
    var draw = draw
    var random = random
    let start = random.next()
    var balance = balance
    func choose(_ event: Event, _ probabilities: UnsafeMutableBufferPointer<Double>) {
      balance.correct(probabilities, layer: event.layer)
      token[event.layer] = draw.draw(probabilities, using: &random)[...]
    }
    func drawn() {
      for layer in 0..<shape.layers {
        ids += token[layer]
        balance.note(token[layer], layer: layer)
      }
    }
    if mixture != nil {
      mixture?.draw(stages, token: token, beginsAt: start, choose: choose, drawn: drawn)
    } else {
      for (position, stage) in stages.enumerated() {
        token.advance(startsRequest: position == 0, stage: stage)
        for layer in counts.indices { counts[layer].forecast(token.view(layer), choose) }
        drawn()
      }
    }
    self.random = random
    self.balance = balance
    return RequestTrace(name: name, prefill: prefill, ids: ids)
  }
}

extension LayerCounts {
  /// Calls `choose` with the only event of `view` and its forecast by all tables.
  fileprivate mutating func forecast(
    _ view: LayerEvents, _ choose: (Event, UnsafeMutableBufferPointer<Double>) -> Void
  ) {
    let event = view.event(0)
    let kept = tables
    let experts = experts
    withView { counts in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 3 * experts) { room in
        room.initialize(repeating: 0)
        let prior = UnsafeMutableBufferPointer(rebasing: room[..<experts])
        let product = UnsafeMutableBufferPointer(rebasing: room[experts..<2 * experts])
        let factor = UnsafeMutableBufferPointer(rebasing: room[(2 * experts)...])
        counts.prior(into: prior)
        _ = product.update(fromContentsOf: prior)
        for predictor in [LayerMarkov(), TokenMarkov()] as [any Predictor]
        where kept.isSuperset(of: predictor.tables) {
          predictor.forecast(event, counts: counts, prior: prior, into: factor)
          for j in 0..<experts { product[j] *= factor[j] / prior[j] }
        }
        let sum = product.reduce(0, +)
        for j in 0..<experts { product[j] /= sum }
        choose(event, product)
      }
    }
  }
}
