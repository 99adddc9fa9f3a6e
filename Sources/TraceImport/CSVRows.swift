import CVectorShims

/// What is wrong with a row; its reader adds the place.
struct CSVProblem: Error {
  var problem: String
  /// What the user can do.
  var remedy: String
  /// Whether the file is of another format rather than damaged.
  var isFormat: Bool

  init(
    _ problem: String, isFormat: Bool = false,
    remedy: String = "write the table again, or leave the file out"
  ) {
    self.problem = problem
    self.isFormat = isFormat
    self.remedy = remedy
  }
}

/// Rows of four fields, split as RFC 4180 says: quoted fields hold commas, line ends and doubled
/// quotes.
struct CSVRows {
  /// A row's extent and the commas that part its fields.
  struct Row {
    var start: Int
    var end: Int
    var commas: (Int, Int, Int)
  }

  private let bytes: UnsafeRawBufferPointer
  private var at = 0
  private var nextLine = 1
  /// Line in which the latest row begins, from 1.
  private(set) var line = 1

  /// - Parameter bytes: followed by 64 readable bytes.
  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next row where it is `1,0,word,"[8, 10, 14]"` and a line's end, its words within 64 bytes; nil
  /// for all others.
  @inline(__always)
  private mutating func nextPlain() -> Row? {
    guard let base = bytes.baseAddress else { return nil }
    let quotes = text_places(base + at, 0x22)
    // What is before the first quote.
    let head = (quotes & (0 &- quotes)) &- 1
    var commas = text_places(base + at, 0x2C) & head
    guard quotes != 0, commas.nonzeroBitCount == 3, text_places(base + at, 0x0A) & head == 0,
      head.nonzeroBitCount &+ at < bytes.count
    else { return nil }
    func comma() -> Int {
      defer { commas &= commas &- 1 }
      return at &+ commas.trailingZeroBitCount
    }
    let places = (comma(), comma(), comma())
    var quote = at &+ head.nonzeroBitCount
    guard quote == places.2 &+ 1 else { return nil }
    // The quote's other end, and no line's end before it.
    quote &+= 1
    while quote < bytes.count {
      let marks = text_places(base + quote, 0x22)
      let ends = text_places(base + quote, 0x0A)
      if marks | ends == 0 {
        quote &+= 64
        continue
      }
      quote &+= (marks | ends).trailingZeroBitCount
      break
    }
    // Zeros stand behind the file.
    guard quote < bytes.count, bytes[quote] == 0x22 else { return nil }
    let end = quote &+ 1
    let newline = end < bytes.count && bytes[end] == 0x0D ? end &+ 1 : end
    guard newline < bytes.count, bytes[newline] == 0x0A else { return nil }
    defer { at = newline &+ 1 }
    nextLine += 1
    return Row(start: at, end: end, commas: places)
  }

  /// The next row, wherever its commas, quotes and line ends are; nil at the end.
  mutating func next() throws(CSVProblem) -> Row? {
    guard at < bytes.count else { return nil }
    line = nextLine
    if let row = nextPlain() { return row }
    // Empty lines at the end are no rows.
    guard !bytes[at...].allSatisfy(JSONText.isSpace) else { return nil }
    let start = at
    var row = Row(start: start, end: start, commas: (start, start, start))
    var commas = 0
    var quoted = false
    while at < bytes.count {
      let byte = bytes[at]
      if byte == 0x22 {
        quoted.toggle()
      } else if byte == 0x0A {
        nextLine += 1
        if !quoted { break }
      } else if byte == 0x2C, !quoted {
        commas += 1
        switch commas {
        case 1: row.commas.0 = at
        case 2: row.commas.1 = at
        case 3: row.commas.2 = at
        default: break
        }
      }
      at += 1
    }
    guard !quoted else {
      throw CSVProblem(
        "a quote is not closed: the file is cut off", remedy: "download or write the file again")
    }
    row.end = at > start && bytes[at - 1] == 0x0D ? at - 1 : at
    at += 1
    guard commas == 3 else { throw CSVProblem("\(commas + 1) fields instead of 4") }
    return row
  }
}
