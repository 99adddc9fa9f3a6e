import RoutingTrace

/// A token whose layers are drawn one after another, and the one before it in its request.
///
/// An ``EventBlock`` in the making: row 0 is the token, row 1 the one before. The buffers are its
/// own, so that a forecast may read a layer while the next is written.
final class DrawnToken {
  let shape: TraceShape
  /// `[layer, row, slot]`.
  private let ids: UnsafeMutableBufferPointer<UInt16>
  private let previous: UnsafeMutableBufferPointer<Int32>
  private let stages: UnsafeMutableBufferPointer<UInt8>

  init(shape: TraceShape) {
    self.shape = shape
    ids = .allocate(capacity: 2 * shape.idsPerToken)
    ids.initialize(repeating: TokenBlock.emptySlot)
    previous = .allocate(capacity: 1)
    previous.initialize(repeating: -1)
    stages = .allocate(capacity: 1)
    stages.initialize(repeating: Stage.prefill.rawValue)
  }

  deinit {
    ids.deallocate()
    previous.deallocate()
    stages.deallocate()
  }

  /// The token as the kernels see it at one layer.
  ///
  /// - Precondition: `layer` is one of the shape's; this token outlives the view.
  func view(_ layer: Int) -> LayerEvents {
    precondition((0..<shape.layers).contains(layer))
    return LayerEvents(
      ids: UnsafeBufferPointer(ids), previous: UnsafeBufferPointer(previous),
      stages: UnsafeBufferPointer(stages), layer: layer, tokens: 1, rows: 2,
      layers: shape.layers, topK: shape.topK, experts: shape.experts, isFull: false)
  }

  /// The choice at `layer`, slots in the order of the draw.
  ///
  /// - Precondition: `topK` distinct ids below the shape's experts are set.
  subscript(layer: Int) -> ArraySlice<UInt16> {
    get { ArraySlice(ids[layer * 2 * shape.topK..<(layer * 2 + 1) * shape.topK]) }
    set {
      precondition(newValue.count == shape.topK)
      for (slot, id) in newValue.enumerated() {
        precondition(id < shape.experts)
        ids[layer * 2 * shape.topK + slot] = id
      }
    }
  }

  /// Makes this token the one before the next, or begins a request.
  func advance(startsRequest: Bool, stage: Stage) {
    let topK = shape.topK
    for layer in 0..<shape.layers {
      let first = layer * 2 * topK
      for slot in first..<first + topK {
        ids[slot + topK] = ids[slot]
        ids[slot] = TokenBlock.emptySlot
      }
    }
    previous[0] = startsRequest ? -1 : 1
    stages[0] = stage.rawValue
  }
}
