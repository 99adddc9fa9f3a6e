import Glibc

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

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next row where it is `1,0,word,"[8, 10, 14]"` and a line's end; nil for all others.
  private mutating func nextPlain() -> Row? {
    guard let base = bytes.baseAddress else { return nil }
    func comma(from start: Int) -> Int? {
      var at = start
      while at < bytes.count, bytes[at] != 0x22, bytes[at] != 0x0A {
        if bytes[at] == 0x2C { return at }
        at &+= 1
      }
      return nil
    }
    guard let first = comma(from: at), let second = comma(from: first + 1),
      let third = comma(from: second + 1), third + 1 < bytes.count, bytes[third + 1] == 0x22,
      let quote = memchr(base + third + 2, 0x22, bytes.count - third - 2)
    else { return nil }
    let end = UnsafeRawPointer(quote) - base + 1
    let isLong = end < bytes.count && bytes[end] == 0x0D
    let newline = isLong ? end + 1 : end
    guard newline < bytes.count, bytes[newline] == 0x0A,
      memchr(base + third + 2, 0x0A, end - third - 2) == nil
    else { return nil }
    defer { at = newline + 1 }
    nextLine += 1
    return Row(start: at, end: end, commas: (first, second, third))
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
