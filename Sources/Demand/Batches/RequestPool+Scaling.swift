import RoutingTrace

extension RequestPool {
  /// A pool of another shape that behaves like this one, for models without traces. Not a trace of
  /// that model: whatever is computed from it has to be labelled so.
  ///
  /// Layer l takes its choices from this pool's layer l mod L. An expert i of E stands for the
  /// target's experts whose number modulo E is i; which of them a request means is fixed by
  /// request, layer and i, so that repetition within a request and skew over requests stay. Where
  /// the target chooses more experts a token, further choices come from the requests that follow,
  /// at the same token; where it chooses fewer, the last slots are dropped.
  ///
  /// - Complexity: O(tokens * layers * topK) of the target, more where requests are much alike.
  public func scaled(to target: TraceShape) -> RequestPool {
    let variants = max(1, target.experts / shape.experts)
    let columns = (0..<target.layers).map { layer in
      var column: [UInt16] = []
      column.reserveCapacity(tokens * target.topK)
      for request in 0..<requests {
        for token in 0..<length(request) {
          choose(request, token, layer, target, variants, into: &column)
        }
      }
      return column
    }
    return RequestPool(shape: target, columns: columns, starts: starts, prompts: prompts)
  }

  /// Appends the target's choices for one event.
  private func choose(
    _ request: Int, _ token: Int, _ layer: Int, _ target: TraceShape, _ variants: Int,
    into ids: inout [UInt16]
  ) {
    let first = ids.count
    var lender = 0
    // Requests all alike could lend nothing new for ever; after a few rounds of them the rest is
    // filled.
    while ids.count - first < target.topK, lender < 4 * requests {
      let other = (request + lender) % requests
      let lent = choice(
        of: starts[other] + (token + lender / requests) % length(other),
        layer: layer % shape.layers)
      for expert in lent where ids.count - first < target.topK && Int(expert) < shape.experts {
        var random = SeededGenerator(
          seed: UInt64(other) << 40 ^ UInt64(layer) << 20 ^ UInt64(expert))
        let variant = Int(random.next() % UInt64(variants))
        let id = UInt16((variant * shape.experts + Int(expert)) % target.experts)
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
