/// Takes decimal digits from `at` on, up to nine of them; nil where there are none.
@inline(__always)
func takeWholeNumber(_ text: UnsafeRawBufferPointer, _ at: inout Int, end: Int) -> Int? {
  let start = at
  var number = 0
  while at < end, text[at] &- 0x30 <= 9, at &- start < 9 {
    number = number &* 10 &+ Int(text[at] &- 0x30)
    at &+= 1
  }
  return at > start ? number : nil
}

/// The number of one to four digits at `text`, behind which there are readable bytes.
///
/// There is no branch on how many they are, which nobody can guess.
@inline(__always)
func shortNumber(_ text: UnsafeRawPointer, digits count: Int) -> UInt16 {
  var digits = UInt32(littleEndian: text.loadUnaligned(as: UInt32.self))
  // Zeros in front: the last digit is in the highest byte. Neighbours are added up to pairs, then all.
  digits = digits &<< (32 &- 8 &* UInt32(truncatingIfNeeded: count)) & 0x0F0F_0F0F
  digits = (digits &* (1 | 10 << 8)) &>> 8 & 0x00FF_00FF
  return UInt16(truncatingIfNeeded: (digits &* (1 | 100 << 16)) &>> 16)
}

/// The same of one to eight digits, which are the first of `text`.
@inline(__always)
func longNumber(_ text: UInt64, digits count: Int) -> Int {
  var digits = UInt64(littleEndian: text)
  digits = digits &<< (64 &- 8 &* UInt64(truncatingIfNeeded: count)) & 0x0F0F_0F0F_0F0F_0F0F
  digits = (digits &* (1 | 10 << 8)) &>> 8 & 0x00FF_00FF_00FF_00FF
  digits = (digits &* (1 | 100 << 16)) &>> 16 & 0x0000_FFFF_0000_FFFF
  return Int(truncatingIfNeeded: (digits &* (1 | 10_000 << 32)) &>> 32)
}

/// A whole number in decimal digits, up to nine of them; nil for anything else.
func wholeNumber(_ text: Slice<UnsafeRawBufferPointer>) -> Int? {
  var at = text.startIndex
  let number = takeWholeNumber(text.base, &at, end: text.endIndex)
  return at == text.endIndex ? number : nil
}

/// Takes digits, a point, digits from `at` on; nil where there are none, or too many to be exact.
///
/// Up to 15 digits and powers of ten to 22 are exact in double precision (Clinger 1990).
@inline(__always)
func takeDecimalNumber(_ text: UnsafeRawBufferPointer, _ at: inout Int, end: Int) -> Double? {
  let start = at
  var mantissa = 0
  while at < end, text[at] &- 0x30 <= 9 {
    mantissa = mantissa &* 10 &+ Int(text[at] &- 0x30)
    at &+= 1
  }
  var digits = at &- start
  var scale = 0
  if at < end, text[at] == UInt8(ascii: ".") {
    at &+= 1
    let point = at
    while at < end, text[at] &- 0x30 <= 9 {
      mantissa = mantissa &* 10 &+ Int(text[at] &- 0x30)
      at &+= 1
    }
    scale = at &- point
    digits &+= scale
  }
  guard digits > 0, digits <= 15 else { return nil }
  return Double(mantissa) / powersOfTen[scale]
}

/// The number whose digits behind the point are these, up to 15 in all.
@inline(__always)
func fraction(_ digits: Int, places: Int) -> Double { Double(digits) / powersOfTen[places] }

/// A number as text files hold it: sign, digits, point, exponent. Nil for anything else.
func decimalNumber(_ text: Slice<UnsafeRawBufferPointer>) -> Double? {
  var at = text.startIndex
  let isNegative = at < text.endIndex && text[at] == UInt8(ascii: "-")
  if isNegative { at += 1 }
  guard let value = takeDecimalNumber(text.base, &at, end: text.endIndex), at == text.endIndex
  else { return slowDecimalNumber(text) }
  return isNegative ? -value : value
}

private let powersOfTen: [Double] = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
]

/// Any decimal number, by the standard library.
private func slowDecimalNumber(_ text: Slice<UnsafeRawBufferPointer>) -> Double? {
  // The standard library also takes "nan", "inf" and hexadecimal, which are no decimal numbers.
  let allowed = text.allSatisfy {
    (0x30...0x39).contains($0) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains($0)
  }
  return allowed ? Double(String(decoding: text, as: UTF8.self)) : nil
}

/// `value` in half precision, rounded once.
///
/// By way of single precision it is one instruction; where that rounds to the middle of two halves,
/// or the half has fewer digits, it could round twice, so the slow way is taken.
func halfPrecision(_ value: Double) -> Float16 {
  let single = Float(value)
  guard single.magnitude >= 0x1p-14, single.bitPattern & 0x1FFF != 0x1000 else {
    return Float16(value)
  }
  return Float16(single)
}
