/// Fields of a line parted by commas, taken from the front.
struct NumberFields {
  private let text: UnsafeRawBufferPointer
  private var at = 0
  /// Whether a field is left.
  private(set) var hasMore: Bool

  init(_ text: UnsafeRawBufferPointer) {
    self.text = text
    hasMore = !text.isEmpty
  }

  /// The next field as a whole number of up to nine digits, -1 too; nil for anything else.
  mutating func whole() -> Int? {
    if let number = plain() { return number }
    skipBlanks()
    let isNegative = at < text.count && text[at] == UInt8(ascii: "-")
    if isNegative { at &+= 1 }
    guard let number = takeWholeNumber(text, &at, end: text.count), endField() else { return nil }
    return isNegative ? -number : number
  }

  /// Up to nine digits and a comma or the line's end behind them, as nearly all fields are; nil, and
  /// nothing taken, where anything else stands there.
  @inline(__always)
  private mutating func plain() -> Int? {
    var (end, number) = (at, 0)
    while end < text.count, text[end] &- 0x30 <= 9 {
      number = number &* 10 &+ Int(text[end] &- 0x30)
      end &+= 1
    }
    guard end > at, end &- at <= 9 else { return nil }
    if end == text.count {
      hasMore = false
      at = end
      return number
    }
    guard text[end] == 0x2C else { return nil }
    at = end &+ 1
    return number
  }

  /// Puts the fields that are left, expert ids as ``whole()`` takes them, into `ids`.
  ///
  /// - Returns: How many are left, of which no more were put than have room; nil where one is no whole
  ///   number.
  mutating func takeIDs(into ids: UnsafeMutableBufferPointer<UInt16>) -> Int? {
    var (count, next) = (0, at)
    let end = text.count
    while hasMore {
      let first = next
      var number = 0
      while next < end, text[next] &- 0x30 <= 9 {
        number = number &* 10 &+ Int(text[next] &- 0x30)
        next &+= 1
      }
      let isLast = next == end
      if next > first, next &- first <= 9, isLast || text[next] == 0x2C {
        if isLast { hasMore = false } else { next &+= 1 }
      } else {
        at = first
        guard let other = whole() else { return nil }
        (number, next) = (other, at)
      }
      if count < ids.count { ids[count] = RawRequest.id(number) }
      count &+= 1
    }
    at = next
    return count
  }

  /// The next field as a decimal number; nil for anything else.
  mutating func decimal() -> Double? {
    skipBlanks()
    let start = at
    if let number = takeDecimalNumber(text, &at, end: text.count), endField() { return number }
    at = start
    while at < text.count, text[at] != 0x2C { at &+= 1 }
    let number = decimalNumber(text[start..<at])
    return endField() ? number : nil
  }

  /// Passes over fields that are `0.000000`, of six digits as `%f` writes them; returns how many.
  mutating func skipZeros() -> Int {
    var count = 0
    while at &+ 9 <= text.count {
      let field = text.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      guard field == Self.zero, text[at &+ 8] == 0x2C else { break }
      at &+= 9
      count &+= 1
    }
    return count
  }

  /// The bytes of `0.000000`.
  private static let zero: UInt64 = Array("0.000000".utf8).withUnsafeBytes {
    $0.loadUnaligned(as: UInt64.self)
  }

  /// The next field as bytes.
  mutating func bytes() -> UnsafeRawBufferPointer {
    let start = at
    while at < text.count, text[at] != 0x2C { at &+= 1 }
    defer { _ = endField() }
    return UnsafeRawBufferPointer(rebasing: text[start..<at])
  }

  private mutating func skipBlanks() {
    while at < text.count, text[at] == 0x20 { at &+= 1 }
  }

  /// Whether the field ends here, whose comma is passed then.
  private mutating func endField() -> Bool {
    skipBlanks()
    guard at < text.count else {
      hasMore = false
      return true
    }
    guard text[at] == 0x2C else { return false }
    at &+= 1
    return true
  }
}
