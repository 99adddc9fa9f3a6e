import RoutingTrace

/// A small deterministic generator (SplitMix64), so that tests draw the same traces everywhere.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension RequestTrace {
  /// A request whose tokens follow a noisy layer-to-layer rule, so that there is something to
  /// learn.
  ///
  /// - Parameter empty: the share of slots beyond an event's first that stay empty.
  public static func random(
    shape: TraceShape, prefill: Int, decode: Int, weighted: Bool = false, empty: Double = 0,
    name: String = "", task: String = "", using random: inout SplitMix64
  ) -> RequestTrace {
    var ids: [UInt16] = []
    var weights: [Float16] = []
    for _ in 0..<(prefill + decode) {
      var base = Int.random(in: 0..<shape.experts, using: &random)
      for _ in 0..<shape.layers {
        base = (base * 7 + 3 + Int.random(in: 0..<3, using: &random)) % shape.experts
        var event: [UInt16] = []
        var next = base
        while event.count < shape.topK {
          if !event.contains(UInt16(next)) { event.append(UInt16(next)) }
          next = (next + 1 + Int.random(in: 0..<2, using: &random)) % shape.experts
        }
        let kept =
          1
          + (1..<max(1, shape.topK)).count { _ in
            Double.random(in: 0..<1, using: &random) >= empty
          }
        for slot in 0..<shape.topK {
          ids.append(slot < kept ? event[slot] : TokenBlock.emptySlot)
          weights.append(slot < kept ? Float16(1) / Float16(slot + 1) : 0)
        }
      }
    }
    return RequestTrace(
      name: name, task: task, prefill: prefill, ids: ids, weights: weighted ? weights : nil)
  }
}
