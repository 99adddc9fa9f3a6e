import Counting
import RoutingTrace

/// Draws requests that route as the model has seen requests route.
///
/// ```swift
/// var sampler = RequestSampler(
///   shape: learner.shape, mixtures: learner.mixtures, counts: learner.layers.map(\.counts),
///   seed: 1)
/// let request = sampler.next(tokens: 191, prefill: 96, name: "drawn-0")
/// try writer.append(request)
/// ```
///
/// Every layer of a token is drawn from the forecast given what is already drawn: the token's
/// earlier layers and the request's earlier tokens. A ``Mixture`` gives its own forecast. Where
/// there is none, the sampler takes
///
///     p(j) ~ P_layer(j) P_token(j) / P0(j)
///
/// of ``LayerMarkov`` and ``TokenMarkov``, as if the two causes were independent given the expert;
/// of these it leaves out the one whose table is not kept, and takes ``Frequency`` where neither
/// is. Either forecast is balanced against what was drawn before (`DrawnBalance`), and K experts
/// are drawn from it (`FixedSizeDraw`).
///
/// A mixture with stored paths begins every request with the path of a stored token, so that
/// requests are of as many kinds as the tokens it remembers. The same model, seed and order of
/// calls give the same ids. <doc:Sampling> tells how real the requests are.
public struct RequestSampler {
  /// The shape of the model whose routing is drawn.
  private let shape: TraceShape
  /// The mixture to draw from; nil where counts are drawn from.
  private let mixture: Mixture?
  /// The counts of training, one a MoE layer.
  private let counts: [LayerCounts]
  /// Draws K experts from a forecast.
  private var draw: FixedSizeDraw
  /// The one source of randomness.
  private var random: SeededGenerator
  /// Holds what is drawn to the shares of training.
  private var balance: DrawnBalance

  /// What the ids are drawn from, in words for reports.
  public var source: String {
    guard mixture == nil else { return "mixture" }
    let tables = counts.first?.tables ?? []
    let names = [
      tables.contains(.layerPairs) ? "layer-markov" : nil,
      tables.contains(.tokenPairs) ? "token-markov" : nil,
    ].compactMap(\.self)
    return names.isEmpty ? "frequency" : names.joined(separator: " x ")
  }

  /// A sampler that has drawn nothing.
  ///
  /// - Parameters:
  ///   - shape: the shape of the model whose routing is drawn.
  ///   - mixtures: the first that forecasts the next layer (horizon 1) is drawn from.
  ///   - counts: one a MoE layer; drawn from where there is no such mixture, and the frequencies
  ///     that draws are held to.
  ///   - seed: the same seed draws the same requests.
  ///   - temperature: above 1 draws more evenly, below 1 more surely.
  /// - Precondition: all are of `shape`; temperature is positive.
  public init(
    shape: TraceShape, mixtures: [Mixture], counts: [LayerCounts], seed: UInt64,
    temperature: Double = 1
  ) {
    precondition(counts.count == shape.layers)
    self.shape = shape
    mixture = mixtures.first { $0.options.horizon == 1 }
    self.counts = counts
    draw = FixedSizeDraw(experts: shape.experts, count: shape.topK, temperature: temperature)
    random = SeededGenerator(seed: seed)
    balance = DrawnBalance(shape: shape, counts: counts)
  }

  /// Draws the next request.
  ///
  /// - Parameters:
  ///   - tokens: tokens of the request, prompt included.
  ///   - prefill: tokens of the prompt, at most `tokens`; the rest are decoded.
  ///   - name: what the request is to be called.
  /// - Complexity: O(`tokens` x `layers` x E K), and the forecasts of as many events.
  public mutating func next(tokens: Int, prefill: Int, name: String = "") -> RequestTrace {
    precondition((0...tokens).contains(prefill))
    let stages = (0..<tokens).map { $0 < prefill ? Stage.prefill : .decode }
    let start = random.next()
    var ids: [UInt16] = []
    ids.reserveCapacity(tokens * shape.idsPerToken)
    // Tokens are opened, observed layer by layer and closed in order, so no session refuses.
    if let mixture {
      try? draw(stages, from: mixture, beginsAt: start, into: &ids)
    } else {
      try? drawFromCounts(stages, into: &ids)
    }
    return RequestTrace(name: name, prefill: prefill, ids: ids)
  }

  /// Draws a request's tokens from a mixture's forecasts; with stored paths the first token takes
  /// one of them.
  private mutating func draw(
    _ stages: [Stage], from mixture: Mixture, beginsAt start: UInt64, into ids: inout [UInt16]
  ) throws(SessionError) {
    let session = mixture.session()
    let first = mixture.path(start)
    for (position, stage) in stages.enumerated() {
      try mixture.open(stage, in: session)
      for layer in 0..<shape.layers {
        let probabilities = try mixture.forecast(layer, in: session)
        let chosen: [UInt16]
        if position == 0, let set = first?[layer], set.count == shape.topK {
          chosen = FixedSizeDraw.ordered(set, by: probabilities)
        } else {
          chosen = choose(layer, by: probabilities)
        }
        try mixture.observe(chosen, layer: layer, in: session)
      }
      try mixture.close(session)
      finish(session.ids, into: &ids)
    }
  }

  /// Draws a request's tokens from the counts alone.
  private mutating func drawFromCounts(
    _ stages: [Stage], into ids: inout [UInt16]
  ) throws(SessionError) {
    let session = EventSession(shape: shape)
    for stage in stages {
      try session.open(stage)
      for layer in 0..<shape.layers {
        let event = try session.progress.event(layer, horizon: 1)
        let probabilities = counts[layer].product(of: event, in: session)
        try session.observe(choose(layer, by: probabilities), layer: layer)
      }
      try session.close()
      finish(session.ids, into: &ids)
    }
  }

  /// Draws K experts from a forecast that is first balanced against what was drawn.
  private mutating func choose(
    _ layer: Int, by probabilities: UnsafeMutableBufferPointer<Double>
  ) -> [UInt16] {
    balance.correct(probabilities, layer: layer)
    return draw.draw(probabilities, using: &random)
  }

  /// Adds a token to those drawn.
  private mutating func finish(_ token: [UInt16], into ids: inout [UInt16]) {
    ids += token
    for layer in 0..<shape.layers {
      balance.note(token[layer * shape.topK..<(layer + 1) * shape.topK], layer: layer)
    }
  }
}

extension LayerCounts {
  /// `P0(j) product of P(j | cause) / P0(j)` over the causes whose tables are kept, normalised.
  fileprivate func product(
    of event: Event, in session: EventSession
  ) -> UnsafeMutableBufferPointer<Double> {
    let kept = tables
    let product = session.probabilities
    withView { counts in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: experts) { factor in
        factor.initialize(repeating: 0)
        let prior = session.prior
        counts.prior(into: prior)
        _ = product.update(fromContentsOf: prior)
        for predictor in [LayerMarkov(), TokenMarkov()] as [any CountingPredictor]
        where kept.isSuperset(of: predictor.tables) {
          predictor.forecast(event, counts: counts, prior: prior, into: factor)
          for j in 0..<experts { product[j] *= factor[j] / prior[j] }
        }
        let sum = product.reduce(0, +)
        for j in 0..<experts { product[j] /= sum }
      }
    }
    return product
  }
}

extension Mixture {
  /// The experts of a stored token layer by layer, ascending; nil where none is stored.
  ///
  /// - Parameter number: any; wraps around at the stored tokens.
  fileprivate func path(_ number: UInt64) -> [[Int]]? {
    guard let paths else { return nil }
    let stored = min(paths.written, paths.capacity)
    guard stored > 0 else { return nil }
    let slot = Int(number % UInt64(stored))
    return (0..<paths.layers).map { layer in
      (0..<paths.experts).filter { expert in
        let word = paths.masks[paths.sets[slot, layer, expert >> 6]]
        return word >> UInt64(expert & 63) & 1 == 1
      }
    }
  }
}
