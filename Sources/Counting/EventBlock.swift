import RoutingTrace

/// A chunk with every token's predecessor and owner found, ready to be learnt from layer by layer.
///
/// Rows `0..<tokens` are the chunk's tokens; rows from `tokens` on are tokens of earlier chunks that
/// some of them follow. The ids of layer `l`, row `r` start at `(l * rows + r) * topK`. A
/// ``RequestBook`` makes it, once for all who learn from it.
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
  /// For each token whose state it belongs to.
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
