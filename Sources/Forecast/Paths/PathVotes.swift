/// What the voters of one event said: the mixture's inputs from stored paths.
///
/// `[layer, token, metric, lane]` votes and `[layer, token, metric]` sums of their weights.
final class PathVotes {
  /// Experts rounded up to whole lanes of eight.
  let lanes: Int
  /// Layers that there is room for; more layers than those take turns.
  private let layers: Int
  /// Tokens that there is room for.
  let tokens: Int
  /// `[layer, token, metric, lane]`: the weights of those voters that chose the expert, added up.
  let votes: UnsafeMutablePointer<Float>
  /// `[layer, token, metric]`: the weights of all voters, added up.
  let weights: UnsafeMutablePointer<Float>

  /// Room for the votes on `tokens` tokens; nobody has voted.
  ///
  /// - Parameter layers: all, or as many as are wanted at a time.
  init(layers: Int, tokens: Int, lanes: Int) {
    self.layers = layers
    self.lanes = lanes
    self.tokens = tokens
    let events = layers * tokens * PathMemory.metrics.count
    votes = .allocate(capacity: events * lanes)
    weights = .allocate(capacity: events)
    votes.initialize(repeating: 0, count: events * lanes)
    weights.initialize(repeating: 0, count: events)
  }

  /// Bytes that such room takes.
  static func bytes(layers: Int, tokens: Int, lanes: Int) -> Int {
    layers * tokens * PathMemory.metrics.count * (lanes + 1) * 4
  }

  deinit {
    votes.deallocate()
    weights.deallocate()
  }

  /// The place of an event's first metric.
  @inline(__always)
  func index(layer: Int, token: Int) -> Int {
    (layer % layers * tokens + token) * PathMemory.metrics.count
  }
}
