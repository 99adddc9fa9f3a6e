import RoutingTrace

extension Mixture {
  /// Forecasts a request token by token and layer by layer, each layer once those before it are
  /// chosen; learns nothing.
  ///
  /// - Parameters:
  ///   - stages: one a token.
  ///   - choose: called with an event whose choice is open and the probabilities of its experts;
  ///     must set the token's choice in that layer.
  ///   - drawn: called when all layers of the token are chosen.
  /// - Precondition: the mixture is ``betweenStreams`` or has only been drawn from since, and
  ///   forecasts the next layer (horizon 1).
  mutating func draw(
    _ stages: [Stage], token: DrawnToken,
    choose: (Event, UnsafeMutableBufferPointer<Double>) -> Void, drawn: () -> Void
  ) {
    precondition(options.horizon == 1 && token.shape.isCompatible(with: shape))
    for layer in layers.indices { layers[layer].reserve(requests: 1) }
    paths?.reserve(requests: 1)
    let search = paths.map { PathSearch(memory: $0, options: options) }
    paths = nil
    defer { paths = search?.takeMemory() }
    let votes = search.map { _ in
      PathVotes(layers: shape.layers, tokens: 1, lanes: layers[0].lanes)
    }
    for (position, stage) in stages.enumerated() {
      let isCold =
        !options.primesDecode && stage == .decode && stages[max(0, position - 1)] != stage
      let owner = RequestSlots.Owner(slot: 0, task: 0, isFresh: position == 0 || isCold)
      token.advance(startsRequest: position == 0, stage: stage)
      func draw(_ layer: Int) {
        layers[layer].process(
          token.view(layer), range: 0..<1, owners: [owner], votes: votes, options: options,
          learns: false, score: choose)
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
