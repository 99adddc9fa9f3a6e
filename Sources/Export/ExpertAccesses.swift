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

  /// The object that stands for an expert of a layer.
  static func object(_ shape: TraceShape, layer: Int, expert: Int) -> Int {
    shape.modelLayers[layer] * shape.experts + expert
  }

  /// Goes through a block's accesses, and past it.
  ///
  /// - Parameter body: gets the token's time, the MoE layer's ordinal and the expert.
  mutating func next(
    _ block: TokenBlock, _ body: (_ time: Int, _ layer: Int, _ expert: Int) throws -> Void
  ) rethrows {
    for token in 0..<block.tokens {
      for layer in 0..<shape.layers {
        for id in block.ids[block.slots[layer, token]] where id != TokenBlock.emptySlot {
          try body(tokens, layer, Int(id))
          count += 1
        }
      }
      tokens += 1
    }
  }
}
