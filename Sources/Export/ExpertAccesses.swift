import RoutingTrace

/// A trace as a cache sees it: an access a choice, token by token, layer by layer, slot by slot.
///
/// The object is `model layer * experts + expert`, the time the token's number in the stream.
struct ExpertAccesses {
  private let shape: TraceShape
  /// Tokens before the block.
  private(set) var tokens = 0
  /// Accesses before the block.
  private(set) var count = 0

  init(_ shape: TraceShape) { self.shape = shape }

  /// Objects there may be: one more than the greatest.
  static func objects(_ shape: TraceShape) -> Int {
    ((shape.modelLayers.last ?? 0) + 1) * shape.experts
  }

  /// Goes through a block's accesses, and past it.
  ///
  /// - Parameter body: gets the token's time and the object.
  mutating func next(
    _ block: TokenBlock, _ body: (_ time: Int, _ layer: Int, _ object: Int) throws -> Void
  ) rethrows {
    for token in 0..<block.tokens {
      for layer in 0..<shape.layers {
        let base = shape.modelLayers[layer] * shape.experts
        for id in block.ids[block.slots[layer, token]] where id != TokenBlock.emptySlot {
          try body(tokens, layer, base + Int(id))
          count += 1
        }
      }
      tokens += 1
    }
  }
}
