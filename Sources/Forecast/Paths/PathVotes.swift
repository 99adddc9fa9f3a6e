/// What the voters of one event said: the mixture's inputs from stored paths.
///
/// `[layer, token, metric, lane]` votes and `[layer, token, metric]` sums of their weights.
final class PathVotes {
  let lanes: Int
  let tokens: Int
  let votes: UnsafeMutablePointer<Float>
  let weights: UnsafeMutablePointer<Float>

  init(layers: Int, tokens: Int, lanes: Int) {
    self.lanes = lanes
    self.tokens = tokens
    let events = layers * tokens * PathMemory.metrics.count
    votes = .allocate(capacity: events * lanes)
    weights = .allocate(capacity: events)
    votes.initialize(repeating: 0, count: events * lanes)
    weights.initialize(repeating: 0, count: events)
  }

  static func bytes(layers: Int, tokens: Int, lanes: Int) -> Int {
    layers * tokens * PathMemory.metrics.count * (lanes + 1) * 4
  }

  deinit {
    votes.deallocate()
    weights.deallocate()
  }

  /// The place of an event's first metric.
  @inline(__always)
  func index(layer: Int, token: Int) -> Int { (layer * tokens + token) * PathMemory.metrics.count }
}
