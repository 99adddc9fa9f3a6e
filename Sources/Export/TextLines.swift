/// Lines of text that wait to be handed on.
struct TextLines {
  private var text: [UInt8] = []

  /// Adds a line, which has no end yet.
  mutating func add(_ line: String) {
    text += line.utf8
    text.append(UInt8(ascii: "\n"))
  }

  /// Appends a number's digits to the line that is being put together.
  mutating func append(_ number: Int, radix: UInt = 10) {
    var rest = UInt(number)
    var digits = 1
    var higher = rest / radix
    while higher > 0 {
      higher /= radix
      digits += 1
    }
    text.append(contentsOf: repeatElement(0, count: digits))
    var at = text.count
    repeat {
      at -= 1
      let digit = UInt8(truncatingIfNeeded: rest % radix)
      text[at] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
      rest /= radix
    } while rest > 0
  }

  /// Appends a text to that line.
  mutating func append(_ part: StaticString) {
    text.append(
      contentsOf: UnsafeBufferPointer(start: part.utf8Start, count: part.utf8CodeUnitCount))
  }

  /// Ends that line.
  mutating func endLine() { text.append(UInt8(ascii: "\n")) }

  /// Hands on what waits if it is more than `count` bytes.
  mutating func flush(
    beyond count: Int = 64 << 10, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard text.count > count else { return }
    try text.withUnsafeBytes { try sink($0) }
    text.removeAll(keepingCapacity: true)
  }
}
