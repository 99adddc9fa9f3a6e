/// Finds experts that stand twice in an event, many ids at a time: which ids of a vector have
/// another one of their own event so many places behind them.
///
/// A vector of ids is compared with the one that begins 1, 2, ... k - 1 ids later; masks take out
/// the comparisons that reach into the next event.
struct SlotMasks<Storage: SIMD> where Storage.Scalar: FixedWidthInteger & SignedInteger {
  /// k - 1 masks a phase, by distance from 1 on.
  let masks: [SIMDMask<Storage>]

  /// Vectors until one begins with an event again.
  @inline(__always)
  static func phases(topK: Int) -> Int {
    topK >> min(topK.trailingZeroBitCount, Storage.scalarCount.trailingZeroBitCount)
  }

  /// The masks for events of `topK` slots.
  init(topK: Int) {
    var masks: [SIMDMask<Storage>] = []
    for phase in 0..<Self.phases(topK: topK) {
      for distance in 1..<max(2, topK) {
        var mask = SIMDMask<Storage>(repeating: false)
        for slot in 0..<Storage.scalarCount {
          mask[slot] = (phase * Storage.scalarCount + slot) % topK + distance < topK
        }
        masks.append(mask)
      }
    }
    self.masks = masks
  }
}
