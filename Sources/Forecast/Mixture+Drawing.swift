import RoutingTrace

extension Mixture {
  /// Forecasts a request token by token and layer by layer, each layer once those before it are
  /// chosen; learns nothing.
  ///
  /// - Parameters:
  ///   - stages: one a token.
  ///   - start: number of the stored token whose path is the first token's, where paths are stored.
  ///   - choose: called with an event whose choice is open and the probabilities of its experts;
  ///     must set the token's choice in that layer.
  ///   - drawn: called when all layers of the token are chosen.
  /// - Precondition: the mixture is ``withoutRequests`` or has only been drawn from since, and
  ///   forecasts the next layer (horizon 1).
  mutating func draw(
    _ stages: [Stage], token: DrawnToken, beginsAt start: UInt64,
    choose: (Event, UnsafeMutableBufferPointer<Double>) -> Void, drawn: () -> Void
  ) {
    precondition(options.horizon == 1 && token.shape.isCompatible(with: shape))
    for layer in layers.indices { layers[layer].reserve(requests: 1) }
    paths?.reserve(requests: 1)
    let first = paths?.path(start)
    let search = takeSearch()
    defer { paths = search?.takeMemory() }
    let votes = search.map { _ in
      PathVotes(layers: shape.layers, tokens: 1, lanes: layers[0].lanes)
    }
    for (position, stage) in stages.enumerated() {
      let isCold =
        !options.keepsPrefill && stage == .decode && stages[max(0, position - 1)] != stage
      let owner = TokenOwner(slot: 0, task: 0, isFresh: position == 0 || isCold)
      token.advance(startsRequest: position == 0, stage: stage)
      func draw(_ layer: Int) {
        layers[layer].process(
          token.view(layer), range: 0..<1, owners: [owner], votes: votes, options: options,
          learns: false
        ) { event, probabilities in
          if position == 0, let set = first?[layer], set.count == shape.topK {
            token[layer] = FixedSizeDraw.ordered(set, by: probabilities)[...]
          } else {
            choose(event, probabilities)
          }
        }
      }
      if let search, let votes {
        search.search(owner: owner, into: votes) { layer in
          draw(layer)
          return token[layer]
        }
      } else {
        for layer in layers.indices { draw(layer) }
      }
      drawn()
    }
  }
}

extension PathMemory {
  /// The experts of a stored token layer by layer, ascending; nil where none is stored.
  ///
  /// - Parameter number: any; wraps around at the stored tokens.
  fileprivate func path(_ number: UInt64) -> [[Int]]? {
    let stored = min(written, capacity)
    guard stored > 0 else { return nil }
    let slot = Int(number % UInt64(stored))
    return (0..<layers).map { layer in
      (0..<experts).filter { expert in
        masks[(slot * layers + layer) * words + expert >> 6] >> UInt64(expert & 63) & 1 == 1
      }
    }
  }
}
