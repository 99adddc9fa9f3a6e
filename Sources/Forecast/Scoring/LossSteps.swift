/// Log loss as an integer: steps of 2^-24 bits. Sums of integers are the same in any order, so
/// losses of threads, chunks and shards add up to the same bytes. The rounding of one event is at
/// most 3e-8 bits, and averages out.
public enum LossSteps {
  /// Steps in a bit: 2^24.
  public static let perBit = 16_777_216.0
  /// The largest log loss that one event can be charged, in bits; a probability of 0 costs this
  /// instead of infinity.
  public static let mostBits = 64.0

  /// The same bound in steps: 2^30.
  public static let mostSteps = UInt64(mostBits * perBit)

  /// The steps of an event's log loss in bits, of at most ``mostBits``.
  public static func of(bits: Double) -> UInt64 {
    UInt64((min(bits, mostBits) * perBit).rounded())
  }

  /// An event's steps where its log loss is only known within `tolerance`: nil where that leaves
  /// two steps open.
  @inline(__always)
  static func of(bits: Double, within tolerance: Double) -> UInt64? {
    let steps = bits * perBit
    // Adding 2^52 rounds to a whole number, which the significand then holds.
    let shifted = steps + 0x1p52
    let rest = steps - (shifted - 0x1p52)
    guard abs(rest) < 0.5 - tolerance * perBit, steps > 0.5, steps < mostBits * perBit else {
      return nil
    }
    return shifted.significandBitPattern
  }
}
