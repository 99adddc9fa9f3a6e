/// Goes through JSON text from left to right and takes what is asked for: for small texts of many
/// kinds, and for long lists of whole numbers, which become no tree of values.
///
/// Depth is bounded, and texts are taken only up to ``longestText`` bytes.
struct JSONCursor {
  private let text: UnsafeRawBufferPointer
  /// The next byte.
  private(set) var at = 0

  /// What is wrong with the text, and where.
  struct Fault: Error {
    var problem: String
    var byte: Int
  }

  private static let deepest = 64
  private static let longestText = 1 << 16
  /// Numbers in lists that are taken at most: 1 GB.
  private static let mostNumbers = 1 << 27

  init(_ text: UnsafeRawBufferPointer) { self.text = text }

  private func fault(_ problem: String) -> Fault { Fault(problem: problem, byte: at) }

  /// Whether nothing but white space is left.
  mutating func isAtEnd() -> Bool {
    skipSpace()
    return at == text.count
  }

  private mutating func skipSpace() {
    while at < text.count, JSONText.isSpace(text[at]) { at += 1 }
  }

  private mutating func take(_ sign: Unicode.Scalar) -> Bool {
    skipSpace()
    guard at < text.count, text[at] == UInt8(ascii: sign) else { return false }
    at += 1
    return true
  }

  private mutating func expect(_ sign: Unicode.Scalar) throws(Fault) {
    guard take(sign) else { throw fault("'\(sign)' expected") }
  }

  /// Takes an object; `read` takes the value of each key, or leaves it, which passes over it.
  mutating func object(
    _ read: (String, inout JSONCursor) throws(Fault) -> Void
  ) throws(Fault) {
    try expect("{")
    guard !take("}") else { return }
    repeat {
      let key = try string()
      try expect(":")
      skipSpace()
      let start = at
      try read(key, &self)
      if at == start { try skip() }
    } while take(",")
    try expect("}")
  }

  /// Takes a list; `read` takes each value, or leaves it, which passes over it.
  mutating func list(_ read: (inout JSONCursor) throws(Fault) -> Void) throws(Fault) {
    try expect("[")
    guard !take("]") else { return }
    repeat {
      skipSpace()
      let start = at
      try read(&self)
      if at == start { try skip() }
    } while take(",")
    try expect("]")
  }

  /// Takes a text; escapes but those of quotes and backslashes stay as they are.
  mutating func string() throws(Fault) -> String {
    try expect("\"")
    let start = at
    var bytes: [UInt8] = []
    while true {
      guard at < text.count, at - start <= Self.longestText else {
        throw fault("a text without an end, or longer than \(Self.longestText) bytes")
      }
      let byte = text[at]
      at += 1
      if byte == UInt8(ascii: "\"") { break }
      if byte == UInt8(ascii: "\\"), at < text.count,
        text[at] == UInt8(ascii: "\"") || text[at] == UInt8(ascii: "\\")
      {
        bytes.append(text[at])
        at += 1
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Takes a whole number from 0 on, which may be written with a fraction of zeros.
  mutating func count() throws(Fault) -> UInt64 {
    skipSpace()
    let start = at
    var value: UInt64 = 0
    while at < text.count, text[at] &- 0x30 <= 9 {
      let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = shifted.addingReportingOverflow(UInt64(text[at] &- 0x30))
      guard !overflow, !carry else { throw fault("a number beyond 64 bits") }
      value = sum
      at += 1
    }
    guard at > start else { throw fault("a whole number from 0 expected") }
    if at < text.count, text[at] == UInt8(ascii: ".") {
      at += 1
      while at < text.count, text[at] == UInt8(ascii: "0") { at += 1 }
    }
    guard at == text.count || !(text[at] &- 0x30 <= 9 || text[at] | 0x20 == UInt8(ascii: "e"))
    else { throw fault("a whole number from 0 expected") }
    return value
  }

  /// Takes lists of whole numbers of up to `axes` levels, all of one length on a level.
  ///
  /// - Returns: the lengths of the levels, the outermost first, and the numbers.
  mutating func counts(axes: ClosedRange<Int>) throws(Fault) -> (shape: [Int], counts: [UInt64]) {
    var shape: [Int] = []
    var counts: [UInt64] = []
    try self.counts(level: 0, most: axes.upperBound, shape: &shape, into: &counts)
    guard axes.contains(shape.count) else {
      throw fault("lists of \(axes.lowerBound) to \(axes.upperBound) levels expected")
    }
    return (shape, counts)
  }

  private mutating func counts(
    level: Int, most: Int, shape: inout [Int], into counts: inout [UInt64]
  ) throws(Fault) {
    try expect("[")
    guard level < most else { throw fault("lists of at most \(most) levels expected") }
    let isFirst = shape.count == level
    if isFirst { shape.append(-1) }
    var length = 0
    if !take("]") {
      repeat {
        skipSpace()
        if at < text.count, text[at] == UInt8(ascii: "[") {
          // Lists beside a number, likewise.
          guard shape.count > level + 1 || (isFirst && length == 0) else {
            throw fault("a number expected")
          }
          try self.counts(level: level + 1, most: most, shape: &shape, into: &counts)
        } else {
          // A number beside lists would be one on two levels.
          guard shape.count == level + 1 else { throw fault("a list expected") }
          guard counts.count < Self.mostNumbers else {
            throw fault("more than \(Self.mostNumbers) numbers")
          }
          counts.append(try self.count())
        }
        length += 1
      } while take(",")
      try expect("]")
    }
    if shape[level] == -1 { shape[level] = length }
    guard shape[level] == length else {
      throw fault("a list of \(length) instead of \(shape[level])")
    }
  }

  /// Goes past a value of any kind.
  private mutating func skip() throws(Fault) {
    var depth = 0
    repeat {
      skipSpace()
      guard at < text.count else { throw fault("the text is cut off") }
      switch text[at] {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        guard depth <= Self.deepest else { throw fault("more than \(Self.deepest) levels") }
        at += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        guard depth >= 0 else { throw fault("a value expected") }
        at += 1
      case UInt8(ascii: "\""): _ = try string()
      case UInt8(ascii: ","), UInt8(ascii: ":"):
        guard depth > 0 else { throw fault("a value expected") }
        at += 1
      default:
        let start = at
        while at < text.count, !JSONText.isSpace(text[at]), !isSign(text[at]) { at += 1 }
        guard at > start else { throw fault("a value expected") }
      }
    } while depth > 0
  }

  private func isSign(_ byte: UInt8) -> Bool {
    "{}[],:\"".utf8.contains(byte)
  }
}

extension JSONCursor.Fault {
  /// The fault with the file it is in.
  func error(_ file: String, line: Int? = nil) -> ImportError {
    ImportError(
      .malformed, file: file, byte: byte, line: line, problem: problem,
      remedy: "download or write the file again")
  }
}
