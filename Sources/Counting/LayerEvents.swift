/// One layer of an ``EventBlock`` as the kernels see it, valid inside the closure that was lent it.
///
/// The pointers cover `layers * rows * topK` ids and `tokens` predecessors and stages, checked
/// where the block was made; every id in them is below `experts` or empty.
public struct LayerEvents {
  /// `[layer, row, slot]`, of all layers: an event may look at earlier ones.
  @usableFromInline package let ids: UnsafeBufferPointer<UInt16>
  /// For each token the row of the token before it in its request, or -1.
  @usableFromInline package let previous: UnsafeBufferPointer<Int32>
  /// For each token the raw value of its stage.
  @usableFromInline package let stages: UnsafeBufferPointer<UInt8>
  /// The MoE layer's ordinal, from 0.
  public let layer: Int
  /// Tokens in the block.
  public let tokens: Int
  /// Tokens and the earlier tokens they follow.
  @usableFromInline package let rows: Int
  /// MoE layers of the block.
  @usableFromInline package let layers: Int
  /// Slots an event (K).
  public let topK: Int
  /// Experts of the layer (E).
  public let experts: Int
  /// Whether no slot is empty, so that every event has top-k experts.
  @usableFromInline package let isFull: Bool

  @inlinable
  package init(
    ids: UnsafeBufferPointer<UInt16>, previous: UnsafeBufferPointer<Int32>,
    stages: UnsafeBufferPointer<UInt8>, layer: Int, tokens: Int, rows: Int, layers: Int, topK: Int,
    experts: Int, isFull: Bool
  ) {
    self.ids = ids
    self.previous = previous
    self.stages = stages
    self.layer = layer
    self.tokens = tokens
    self.rows = rows
    self.layers = layers
    self.topK = topK
    self.experts = experts
    self.isFull = isFull
  }

  /// This view, whose events hold as many experts as `topK` says, where that is known: loops over
  /// them then have a constant length.
  @inlinable @inline(__always)
  package func counted<let constant: Int>(_: TopK<constant>) -> LayerEvents {
    guard constant > 0 else { return self }
    return LayerEvents(
      ids: ids, previous: previous, stages: stages, layer: layer, tokens: tokens, rows: rows,
      layers: layers, topK: constant, experts: experts, isFull: true)
  }

  /// Top-k where every event has that many experts, else 0: what loops may be unrolled by.
  @inlinable
  package var knownTopK: Int { isFull ? topK : 0 }

  /// The event of token `token` in this layer.
  ///
  /// - Precondition: `token` is below ``tokens``.
  @inlinable @inline(__always)
  public func event(_ token: Int) -> Event { Event(view: self, token: token) }
}
