import Counting
import RoutingTrace

/// A token whose layers become known one after another, and the one before it in its request.
///
/// An `Counting/EventBlock` in the making: row 0 is the token, row 1 the one before. The buffers
/// are its own, so that a forecast may read a layer while the next is written.
final class OpenToken {
  /// The shape of the model that routes the token.
  let shape: TraceShape
  /// `[layer, row, slot]`.
  private let ids: UnsafeMutableBufferPointer<UInt16>
  /// The row of the token before: 1, or -1 for a request's first token. One value, as in a block of
  /// one token.
  private let previous: UnsafeMutableBufferPointer<Int32>
  /// The token's stage, raw value of `RoutingTrace/Stage`. One value.
  private let stages: UnsafeMutableBufferPointer<UInt8>

  /// A token of which nothing is known, and none before it.
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

  /// Notes the experts chosen at `layer`, in their order.
  ///
  /// - Precondition: at most `topK` ids below the shape's experts.
  func note(_ chosen: Span<UInt16>, layer: Int) {
    precondition(chosen.count <= shape.topK && (0..<shape.layers).contains(layer))
    var slot = layer * 2 * shape.topK
    let end = slot + shape.topK
    for index in chosen.indices {
      precondition(chosen[index] < shape.experts)
      ids[slot] = chosen[index]
      slot += 1
    }
    while slot < end {
      ids[slot] = TokenBlock.emptySlot
      slot += 1
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

  /// Appends the expert ids of all layers, `[layer, slot]`: `layers * topK` values, empty slots
  /// last in a layer.
  func appendAllChosen(to list: inout [UInt16]) {
    let topK = shape.topK
    for layer in 0..<shape.layers {
      let first = layer * 2 * topK
      list.append(contentsOf: ids[first..<first + topK])
    }
  }
}
