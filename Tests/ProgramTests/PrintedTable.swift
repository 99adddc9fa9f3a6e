import Testing

/// A table for people, as cells: columns stand at least two blanks apart.
struct PrintedTable {
  let header: [String]
  let rows: [[String]]

  /// The table that begins with the first line that begins with `title`, and ends with an empty
  /// line.
  init(_ text: String, beginning title: String) throws {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      .drop { !$0.hasPrefix(title) }.prefix { !$0.isEmpty }
    header = Self.cells(try #require(lines.first, "no table begins with \(title)"))
    rows = lines.dropFirst().map(Self.cells)
  }

  /// The cell of a row under a title of the header.
  func cell(_ row: Int, _ title: String, _ place: SourceLocation = #_sourceLocation) throws
    -> String
  {
    let column = try #require(header.firstIndex(of: title), "\(header)", sourceLocation: place)
    try #require(rows.indices.contains(row), sourceLocation: place)
    try #require(rows[row].indices.contains(column), sourceLocation: place)
    return rows[row][column]
  }

  /// Expects a cell to show `value` with so many decimals, or `-` where it is not a number.
  func expect(
    _ row: Int, _ title: String, shows value: Double, _ decimals: Int,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let cell = try cell(row, title, sourceLocation)
    #expect(
      shows(cell, value, decimals), "\(title) of \(rows[row]) is \(value)",
      sourceLocation: sourceLocation)
  }

  private static func cells(_ line: Substring) -> [String] {
    line.split(separator: "  ").map { String($0.trimmingPrefix(while: \.isWhitespace)) }
      .filter { !$0.isEmpty }
  }
}

/// Whether a cell is `value` rounded to so many decimals, or `-` where it is not a number.
func shows(_ cell: some StringProtocol, _ value: Double, _ decimals: Int) -> Bool {
  guard !value.isNaN else { return cell == "-" }
  let digits = cell.split(separator: ".", omittingEmptySubsequences: false)
  guard let shown = Double(String(cell.filter { $0 != "," })),
    digits.count == (decimals > 0 ? 2 : 1),
    decimals == 0 || digits[1].count == decimals
  else { return false }
  var unit = 1.0
  for _ in 0..<decimals { unit /= 10 }
  return abs(shown - value) <= unit * 0.500001
}
