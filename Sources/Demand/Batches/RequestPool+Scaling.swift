import RoutingTrace

extension RequestPool {
  /// A pool of another shape that behaves like this one, for models without traces. Not a trace of
  /// that model: whatever is computed from it has to be labelled so.
  ///
  /// Layer l takes its choices from this pool's layer l mod L. An expert i of E stands for the
  /// target's experts whose number modulo E is i; which of them a request means is fixed by request,
  /// layer and i, so that repetition within a request and skew over requests stay. Where the target
  /// chooses more experts a token, further choices come from the requests that follow, at the same
  /// token; where it chooses fewer, the last slots are dropped.
  public func scaled(to target: TraceShape) -> RequestPool {
    var scaled = RequestPool(shape: target)
    let variants = max(1, target.experts / shape.experts)
    for request in 0..<requests {
      var ids: [UInt16] = []
      ids.reserveCapacity(length(request) * target.idsPerToken)
      for token in 0..<length(request) {
        for layer in 0..<target.layers {
          choose(request, token, layer, target, variants, into: &ids)
        }
      }
      scaled.add(ids)
    }
    return scaled
  }

  /// Appends the target's choices for one event.
  private func choose(
    _ request: Int, _ token: Int, _ layer: Int, _ target: TraceShape, _ variants: Int,
    into ids: inout [UInt16]
  ) {
    let first = ids.count
    var lender = 0
    // Requests all alike could lend nothing new for ever; after a round of them the rest is filled.
    while ids.count - first < target.topK, lender < 4 * requests {
      let other = (request + lender) % requests
      let row = starts[other] + (token + lender / requests) % length(other)
      let start = (row * shape.layers + layer % shape.layers) * shape.topK
      for slot in start..<start + shape.topK where ids.count - first < target.topK {
        let expert = Int(self.ids[slot])
        guard expert < shape.experts else { continue }
        var random = SeededGenerator(
          seed: UInt64(other) << 40 ^ UInt64(layer) << 20 ^ UInt64(expert))
        let variant = Int(random.next() % UInt64(variants))
        let id = UInt16((variant * shape.experts + expert) % target.experts)
        if !ids[first...].contains(id) { ids.append(id) }
      }
      lender += 1
    }
    var next: UInt16 = 0
    while ids.count - first < target.topK {
      if !ids[first...].contains(next) { ids.append(next) }
      next += 1
    }
  }
}
