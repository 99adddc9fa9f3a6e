import Counting

/// Which earlier choices an event may look at: those that are known when it is forecast, `horizon`
/// layers ahead. All parts of a ``Mixture`` read them here.
struct EventContext {
  private let event: Event
  /// Row of the previous token, or -1.
  private let row: Int
  /// Layers between the event's and the nearest known one of the same token, which may lie before
  /// the first.
  private let gap: Int

  /// The context of an event.
  ///
  /// - Parameters:
  ///   - horizon: layers ahead; 0 where nothing of the token itself is known.
  ///   - isFresh: whether the request's earlier tokens are to be ignored.
  @inline(__always)
  init(_ event: Event, horizon: Int, isFresh: Bool) {
    self.event = event
    gap = horizon == 0 ? event.layer : horizon - 1
    row = isFresh ? -1 : Int(event.view.previous[event.token])
  }

  /// The same token's choice `layers` layers back, from 1 on, counted from the nearest known one;
  /// empty before the first layer.
  @inline(__always)
  func sameToken(_ layers: Int) -> ExpertSet {
    let layer = event.layer - gap - layers
    return layer >= 0 ? event.experts(layer: layer, row: event.token) : .none
  }

  /// The previous token's choice in this layer.
  @inline(__always)
  var previousToken: ExpertSet { row >= 0 ? event.experts(layer: event.layer, row: row) : .none }

  /// The same token's choice `layers` layers back, as ``sameToken(_:)``; before the first layer it
  /// goes on with the last layers of the previous token, whose output is where this token comes
  /// from.
  @inline(__always)
  func wrappedBack(_ layers: Int) -> ExpertSet {
    let layer = event.layer - gap - layers
    guard layer < 0 else { return sameToken(layers) }
    guard row >= 0, layer >= -event.view.layers else { return .none }
    return event.experts(layer: layer + event.view.layers, row: row)
  }

  /// The choice in the first layer, where it is more than `layers` layers back.
  @inline(__always)
  func first(before layers: Int) -> ExpertSet {
    event.layer - gap - layers > 0 ? event.experts(layer: 0, row: event.token) : .none
  }
}

extension EventContext {
  /// A hash of the sets chosen one to three layers back and by the previous token, in 32 bits; the
  /// order within a set does not count.
  var fingerprint: UInt32 {
    var hash = sameToken(1).hash(after: 0)
    hash = sameToken(2).hash(after: hash)
    hash = sameToken(3).hash(after: hash)
    hash = previousToken.hash(after: hash)
    return UInt32(truncatingIfNeeded: hash >> 32)
  }
}

extension ExpertSet {
  /// A hash of the set, whatever its order, and of `earlier`.
  @inline(__always)
  fileprivate func hash(after earlier: UInt64) -> UInt64 {
    var sum: UInt64 = 0
    if let first {
      var slot = 0
      while slot < count {
        let id = UInt64(first[slot]) &+ 1
        sum &+= (id &* 0x9E37_79B9_7F4A_7C15) ^ ((id &* 0xBF58_476D_1CE4_E5B9) >> 29)
        slot &+= 1
      }
    }
    let hash = (earlier ^ sum) &* 0x94D0_49BB_1331_11EB
    return hash ^ (hash >> 32)
  }
}
