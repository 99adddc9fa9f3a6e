/// What a row of the linear part moves by after so many visits:
/// `linearStep (1 + visits / linearVisits)^(-1/4)`, the visits rounded down to six significant
/// bits.
///
/// From a table, since two roots and two divisions for each of the rows that an event looks at take
/// as long as moving the rows; rounding changes a step by less than 0.8 %.
enum LinearSteps {
  static let table: [Float] = (0..<count).map { index in
    let shift = max(0, index / 32 - 1)
    let visits = Float(UInt32(index - 32 * shift) << UInt32(shift))
    let ratio = 1 + visits / MixtureLayer.linearVisits
    return MixtureLayer.linearStep / ratio.squareRoot().squareRoot()
  }

  /// Steps for all of 32 bits.
  static let count = 26 * 32 + 64

  /// The place of `visits` in ``table``.
  @inline(__always)
  static func index(_ visits: UInt32) -> Int {
    let shift = max(0, 26 - visits.leadingZeroBitCount)
    return 32 &* shift &+ Int(visits &>> UInt32(truncatingIfNeeded: shift))
  }
}
