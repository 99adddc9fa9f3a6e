/// Cells as one line of CSV (RFC 4180): quoted where they hold commas, quotes or ends of lines.
///
/// A cell that a spreadsheet would take for a formula begins with an apostrophe; numbers stay
/// numbers.
func csvLine(_ cells: [String]) -> String {
  cells.map { cell in
    var text = cell
    if let first = cell.first, "=+-@\t\r".contains(first), Double(cell) == nil, cell != "-" {
      text = "'" + cell
    }
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    return "\""
      + text.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }.joined(separator: ",")
}
