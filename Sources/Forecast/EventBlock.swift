import RoutingTrace

/// A chunk with every token's predecessor found, ready to be learnt from layer by layer.
///
/// Rows `0..<tokens` are the chunk's tokens; rows from `tokens` on are tokens of earlier chunks that
/// some of them follow. The ids of layer `l`, row `r` start at `(l * rows + r) * topK`.
public struct EventBlock: Sendable {
  public let shape: TraceShape
  /// Tokens to forecast (T).
  public let tokens: Int
  /// Tokens and the earlier tokens they follow (R).
  public let rows: Int
  /// `layers * rows * topK` expert ids, empty slots last in an event.
  public let ids: [UInt16]
  /// For each token the row of the token before it in its request, or -1.
  public let previous: [Int32]
  /// For each token the raw value of its ``Stage``.
  public let stages: [UInt8]
  /// Whether no slot of any row is empty.
  public let isFull: Bool
  /// The owners of the tokens, in order.
  public let runs: [TokenRun]
  /// Names and tasks of requests that begin in this block.
  public let labels: [RequestLabel]

  /// Lends the block's columns to the kernels, seen from one layer.
  ///
  /// - Precondition: `layer` is one of the shape's.
  public func withLayer<Result>(_ layer: Int, _ body: (LayerEvents) throws -> Result) rethrows
    -> Result
  {
    precondition((0..<shape.layers).contains(layer))
    return try ids.withUnsafeBufferPointer { ids in
      try previous.withUnsafeBufferPointer { previous in
        try stages.withUnsafeBufferPointer { stages in
          try body(
            LayerEvents(
              ids: ids, previous: previous, stages: stages, layer: layer, tokens: tokens,
              rows: rows, layers: shape.layers, topK: shape.topK, experts: shape.experts,
              isFull: isFull))
        }
      }
    }
  }
}

/// One layer of an ``EventBlock``, valid inside the closure that was lent it.
///
/// The pointers cover `layers * rows * topK` ids and `tokens` predecessors and stages, checked where
/// the block was made; every id in them is below `experts` or empty.
public struct LayerEvents {
  let ids: UnsafeBufferPointer<UInt16>
  let previous: UnsafeBufferPointer<Int32>
  let stages: UnsafeBufferPointer<UInt8>
  /// The MoE layer's ordinal.
  public let layer: Int
  /// Tokens in the block.
  public let tokens: Int
  let rows: Int
  let layers: Int
  /// Slots an event.
  public let topK: Int
  /// Experts of the layer.
  public let experts: Int
  /// Whether no slot is empty, so that every event has top-k experts.
  let isFull: Bool

  /// The same view, whose events hold as many experts as `topK` says where it is known.
  @inline(__always)
  func counted<let constant: Int>(_: TopK<constant>) -> LayerEvents {
    guard constant > 0 else { return self }
    return LayerEvents(
      ids: ids, previous: previous, stages: stages, layer: layer, tokens: tokens, rows: rows,
      layers: layers, topK: constant, experts: experts, isFull: true)
  }

  /// The event of token `token` in this layer.
  @inline(__always)
  public func event(_ token: Int) -> Event { Event(view: self, token: token) }
}

/// One token at one MoE layer, with the choices that were known before it.
public struct Event {
  let view: LayerEvents
  /// The token's place in its block.
  public let token: Int

  /// The MoE layer's ordinal.
  public var layer: Int { view.layer }
  /// The stage as an index: 0 prefill, 1 decode.
  @inline(__always)
  public var stage: Int { Int(view.stages[token]) }
  /// The experts chosen: what is to be forecast.
  @inline(__always)
  public var chosen: ExpertSet { experts(layer: view.layer, row: token) }

  /// The same token's choice `back` layers before; empty before the first layer.
  @inline(__always)
  public func earlierLayer(_ back: Int) -> ExpertSet {
    view.layer >= back ? experts(layer: view.layer &- back, row: token) : .none
  }

  /// The choice of the request's previous token in this layer; empty for its first.
  @inline(__always)
  public var previousToken: ExpertSet {
    let row = Int(view.previous[token])
    return row >= 0 ? experts(layer: view.layer, row: row) : .none
  }

  @inline(__always)
  func experts(layer: Int, row: Int) -> ExpertSet {
    guard let base = view.ids.baseAddress else { return .none }
    let first = base + (layer &* view.rows &+ row) &* view.topK
    guard !view.isFull else { return ExpertSet(first: first, count: view.topK) }
    var count = view.topK
    while count > 0, first[count - 1] == TokenBlock.emptySlot { count -= 1 }
    return ExpertSet(first: first, count: count)
  }
}

/// How many experts every event of a layer chose, as a constant that loops unroll by; 0 where it is not
/// known.
package struct TopK<let constant: Int> {
  package init() {}
}

/// The experts of one event, in the order of the source.
public struct ExpertSet {
  let first: UnsafePointer<UInt16>?
  /// How many experts it holds, at most top-k.
  public let count: Int

  static var none: ExpertSet { ExpertSet(first: nil, count: 0) }

  /// The same set, which holds as many experts as `topK` says where it is known.
  @inline(__always)
  func counted<let constant: Int>(_ topK: TopK<constant>) -> ExpertSet {
    constant == 0 ? self : ExpertSet(first: first, count: constant)
  }

  /// The id at `index`, which must be below `count`: so there is a first one.
  @inline(__always)
  public subscript(index: Int) -> Int { Int(first.unsafelyUnwrapped[index]) }
}
