/// A small generator whose sequence is fixed by its seed (SplitMix64; Steele, Lea and Flood 2014):
/// the one source of randomness of the project, so that the same seed draws the same.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  /// The counter that every draw advances.
  private var state: UInt64

  /// A generator at the beginning of the sequence of `seed`.
  package init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in 0 to below 1.
  package mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
