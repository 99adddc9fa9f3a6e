import Counting
import RoutingTrace

extension RequestPool {
  /// A number that pools of other choices do not have, so far as 64 bits can tell (FNV-1a over the
  /// shape, the requests' bounds and every id); the same on every machine.
  ///
  /// - Complexity: O(ids).
  public var digest: UInt64 {
    var hash = FNV1a()
    for value in [shape.experts, shape.topK, shape.layers] + shape.modelLayers + starts + prompts {
      hash.add(UInt64(truncatingIfNeeded: value))
    }
    for layer in 0..<shape.layers {
      for id in choices(of: 0..<tokens, layer: layer) { hash.add(UInt64(id)) }
    }
    return hash.value
  }
}
