/// One token at one MoE layer: the unit that predictors forecast, scorers score and learners learn.
/// It knows what was chosen there and the choices that were known before.
///
/// ```swift
/// block.withLayer(5) { events in
///   let event = events.event(0)
///   print(event.earlierLayer(1).count, event.previousToken.count)   // what may be looked at
///   print(event.chosen.count)                                       // what is to be forecast
/// }
/// ```
///
/// Valid inside the closure that was lent its block.
public struct Event {
  /// The layer that the event belongs to.
  @usableFromInline package let view: LayerEvents
  /// The token's place in its block.
  public let token: Int

  /// The event of `token` in the layer that `view` shows.
  @inlinable
  package init(view: LayerEvents, token: Int) {
    self.view = view
    self.token = token
  }

  /// The MoE layer's ordinal, from 0 (not the model's own number of it).
  @inlinable
  public var layer: Int { view.layer }
  /// The stage as an index: 0 prefill, 1 decode.
  @inlinable @inline(__always)
  public var stage: Int { Int(view.stages[token]) }
  /// The experts chosen: what is to be forecast. Empty while the event is open.
  @inlinable @inline(__always)
  public var chosen: ExpertSet { experts(layer: view.layer, row: token) }

  /// The same token's choice `back` layers before, from 1 on; empty before the first layer.
  @inlinable @inline(__always)
  public func earlierLayer(_ back: Int) -> ExpertSet {
    view.layer >= back ? experts(layer: view.layer &- back, row: token) : .none
  }

  /// The choice of the request's previous token in this layer; empty for its first token, and where
  /// the token before is not remembered.
  @inlinable @inline(__always)
  public var previousToken: ExpertSet {
    let row = Int(view.previous[token])
    return row >= 0 ? experts(layer: view.layer, row: row) : .none
  }

  /// The choice of the token in `row` of the block at `layer`.
  @inlinable @inline(__always)
  package func experts(layer: Int, row: Int) -> ExpertSet {
    guard let base = view.ids.baseAddress else { return .none }
    let first = base + (layer &* view.rows &+ row) &* view.topK
    guard !view.isFull else { return ExpertSet(first: first, count: view.topK) }
    return ExpertSet(slots: first, topK: view.topK)
  }
}
