import CVectorShims

/// A row of whole numbers without sign or blank, parted by commas, of 64 bytes at most: where its numbers
/// end is known at once, so that reading one does not wait for the one before it.
///
/// Nearly all rows of long tables are such. All others ``NumberFields`` reads, which takes these too.
struct PlainRow {
  /// How many numbers there are.
  let count: Int
  /// Bytes of the row, its end among them.
  let length: Int

  private let text: UnsafeRawPointer
  /// The ends of the numbers that were not taken: bit i stands for byte i.
  private var ends: UInt64
  /// Where the next number begins.
  private var at = 0

  /// Bytes that are looked at from any place: that many are readable behind the text.
  static let window = 64

  /// The row at `text`; nil where it is another one.
  ///
  /// The first number has eight digits at most, the others have four.
  @inline(__always)
  init?(_ text: UnsafeRawPointer) {
    let digits = text_digits(text)
    let newlines = text_places(text, 0x0A)
    guard newlines != 0 else { return nil }
    let row = newlines ^ (newlines &- 1)
    var ends = (text_places(text, 0x2C) | newlines) & row
    length = newlines.trailingZeroBitCount &+ 1
    let others = row & ~(digits | ends)
    if others != 0 {
      // A carriage return may stand before the line's end.
      let end = row ^ (row &>> 1)
      guard others == end &>> 1, text_places(text, 0x0D) & others != 0 else { return nil }
      ends ^= end | others
    }
    let first = ends & (0 &- ends)
    // From where a number is too long: five digits in a row.
    let two = digits & (digits &>> 1)
    let five = two & (two &>> 2) & (digits &>> 4)
    guard ends & (ends &<< 1 | 1) == 0, first <= 1 << 8, five & row & (0 &- first) == 0
    else { return nil }
    self.text = text
    self.ends = ends
    count = ends.nonzeroBitCount
  }

  /// Takes the first number.
  @inline(__always)
  mutating func first() -> Int {
    longNumber(text.loadUnaligned(as: UInt64.self), digits: passNumber())
  }

  /// Takes the next number; the row has one.
  @inline(__always)
  mutating func next() -> UInt16 {
    let start = text + at
    return shortNumber(start, digits: passNumber())
  }

  /// Goes on behind the next number, whose digits it counts.
  @inline(__always)
  private mutating func passNumber() -> Int {
    let end = ends.trailingZeroBitCount
    defer { at = end &+ 1 }
    ends &= ends &- 1
    return end &- at
  }
}
