/// A whole number in decimal digits, up to nine of them; nil for anything else.
func wholeNumber(_ text: Slice<UnsafeRawBufferPointer>) -> Int? {
  guard (1...9).contains(text.count) else { return nil }
  var number = 0
  for byte in text {
    guard (0x30...0x39).contains(byte) else { return nil }
    number = number * 10 + Int(byte - 0x30)
  }
  return number
}

/// A number as text files hold it: sign, digits, point, exponent. Nil for anything else.
///
/// Up to 15 digits and powers of ten to 22 are exact in double precision (Clinger 1990); the rest
/// goes through the standard library.
func decimalNumber(_ text: Slice<UnsafeRawBufferPointer>) -> Double? {
  var at = text.startIndex
  let end = text.endIndex
  let isNegative = at < end && text[at] == UInt8(ascii: "-")
  if isNegative { at += 1 }
  var mantissa: UInt64 = 0
  var digits = 0
  var scale = 0
  var afterPoint = false
  while at < end {
    let byte = text[at]
    if byte >= 0x30, byte <= 0x39 {
      guard digits < 15 else { return slowDecimalNumber(text) }
      mantissa = mantissa * 10 + UInt64(byte - 0x30)
      digits += 1
      if afterPoint { scale += 1 }
    } else if byte == UInt8(ascii: "."), !afterPoint {
      afterPoint = true
    } else {
      return slowDecimalNumber(text)
    }
    at += 1
  }
  guard digits > 0 else { return nil }
  let value = Double(mantissa) / powersOfTen[scale]
  return isNegative ? -value : value
}

let powersOfTen: [Double] = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
]

private func slowDecimalNumber(_ text: Slice<UnsafeRawBufferPointer>) -> Double? {
  // The standard library also takes "nan", "inf" and hexadecimal, which are no decimal numbers.
  let allowed = text.allSatisfy {
    (0x30...0x39).contains($0) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains($0)
  }
  return allowed ? Double(String(decoding: text, as: UTF8.self)) : nil
}

/// `value` in half precision, rounded once.
///
/// By way of single precision it is one instruction; where that rounds to the middle of two halves, or
/// the half has fewer digits, it could round twice, so the slow way is taken.
func halfPrecision(_ value: Double) -> Float16 {
  let single = Float(value)
  guard single.magnitude >= 0x1p-14, single.bitPattern & 0x1FFF != 0x1000 else {
    return Float16(value)
  }
  return Float16(single)
}
