/// Whether the name `a` stands before `b` where numbers in names count as numbers: `2.json` before
/// `10.json`. Files of a folder are read in this order.
///
/// Everything else compares by UTF-8 byte, so the order is the same in every locale.
///
/// - Complexity: O(bytes of both).
public func naturallyPrecedes(_ a: String, _ b: String) -> Bool {
  let a = Array(a.utf8)
  let b = Array(b.utf8)
  var i = 0
  var j = 0
  while i < a.count, j < b.count {
    if isDigit(a[i]), isDigit(b[j]) {
      let left = number(a, &i)
      let right = number(b, &j)
      if left.count != right.count { return left.count < right.count }
      if let (x, y) = zip(left, right).first(where: { $0 != $1 }) { return x < y }
    } else {
      if a[i] != b[j] { return a[i] < b[j] }
      i += 1
      j += 1
    }
  }
  if a.count - i != b.count - j { return a.count - i < b.count - j }
  // Names that differ only in leading zeros still need one order.
  return a.lexicographicallyPrecedes(b)
}

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

/// The digits at `index` without leading zeros; `index` moves behind them.
private func number(_ bytes: [UInt8], _ index: inout Int) -> ArraySlice<UInt8> {
  let start = index
  while index < bytes.count, isDigit(bytes[index]) { index += 1 }
  return bytes[start..<index].drop { $0 == 0x30 }
}
