import RoutingTrace

/// A chunk with every token's predecessor and owner found, ready to be learnt from layer by layer.
/// A ``RequestBook`` makes it, once for all who learn from it.
///
/// ```swift
/// var book = RequestBook()
/// let block = book.resolve(chunk.block)
/// block.withLayer(0) { events in
///   for token in 0..<events.tokens { print(events.event(token).chosen.count) }
/// }
/// ```
///
/// Rows `0..<tokens` are the chunk's tokens; rows from `tokens` on are tokens of earlier chunks
/// that some of them follow. The ids of layer `l`, row `r` start at `(l * rows + r) * topK`.
public struct EventBlock: Sendable {
  /// The shape of the trace that the chunk is of.
  public let shape: TraceShape
  /// Tokens to forecast (T).
  public let tokens: Int
  /// Tokens and the earlier tokens they follow (R).
  public let rows: Int
  /// Expert ids, `[layer, row, slot]`: `layers * rows * topK` values, empty slots last in an event.
  public let ids: [UInt16]
  /// For each token the row of the token before it in its request, or -1 where none is known.
  public let previous: [Int32]
  /// For each token the raw value of its `RoutingTrace/Stage`: 0 prefill, 1 decode.
  public let stages: [UInt8]
  /// For each token the request whose state it belongs to.
  public let owners: [TokenOwner]
  /// Whether no slot of any row is empty.
  public let isFull: Bool
  /// The owners of the tokens, run by run, as the chunk has them.
  public let runs: [TokenRun]
  /// What the book knows of every run's request.
  public let runOwners: [RunOwner]
  /// Names and tasks of requests that begin in this block.
  public let labels: [RequestLabel]
  /// Places that requests have ever had by the end of the block: every owner's is below.
  public let places: Int

  /// Where an event's slots lie in ``ids``: a plane a layer, a row a row.
  public var slots: RowMajor { RowMajor(rows: rows, columns: shape.topK) }

  /// Lends the block's columns to the kernels, seen from one layer.
  ///
  /// - Precondition: `layer` is one of the shape's.
  /// - Complexity: O(1); nothing is copied.
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
