import CVectorShims

/// Reads `[8, 10, 14]`, 64 bytes at most, its ids of one to four digits each.
///
/// - Parameters:
///   - text: begins and ends with a bracket, and is followed by 64 readable bytes.
///   - count: how many ids are expected.
///   - ids: has room for that many.
/// - Returns: whether that, and nothing else, stands there.
@inline(__always)
func takeShortList(
  _ text: UnsafeRawBufferPointer, _ count: Int, into ids: UnsafeMutableBufferPointer<UInt16>
) -> Bool {
  guard let start = text.baseAddress, text.count >= 3, text.count <= 64 else { return false }
  let last: UInt64 = 1 &<< (UInt64(truncatingIfNeeded: text.count) &- 1)
  let inside = (last &- 1) & ~1
  let digits = text_digits(start) & inside
  let commas = text_places(start, 0x2C) & inside
  let blanks = text_places(start, 0x20) & inside
  var ends = commas | last
  let two = digits & (digits &>> 1)
  let five = two & (two &>> 2) & (digits &>> 4)
  // Every comma has a blank behind it, and a digit behind that.
  guard digits | commas | blanks == inside, commas &<< 1 == blanks, ends & (blanks &<< 1 | 2) == 0,
    five == 0, ends.nonzeroBitCount == count
  else { return false }
  var at = 1
  for slot in 0..<count {
    let end = ends.trailingZeroBitCount
    ends &= ends &- 1
    ids[slot] = shortNumber(start + at, digits: end &- at)
    at = end &+ 2
  }
  return true
}
