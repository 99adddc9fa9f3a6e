/// Rows under columns that are declared once: as a table for people, as CSV and as JSON.
///
/// ```swift
/// let report = Report(columns, runs)
/// report.text()     // headings, then what people see of every row
/// report.csv        // keys, then every row's values in full
/// try json(report)  // a list of objects
/// ```
struct Report<Row> {
  /// What is told of every row; those with a key are CSV and JSON, those with a heading the table.
  let columns: [Column<Row>]
  let rows: [Row]

  /// A report of `rows` under `columns`.
  init(_ columns: [Column<Row>], _ rows: [Row]) {
    self.columns = columns
    self.rows = rows
  }

  /// The table for people, without a newline behind its last line; text of others in it is made
  /// visible.
  ///
  /// - Parameter chosen: the columns shown, in this order; nil for all that have a heading.
  func text(_ chosen: [Column<Row>]? = nil) -> String {
    let columns = (chosen ?? columns).filter { $0.heading != nil }
    let lines =
      [columns.map { $0.heading ?? "" }]
      + rows.map { row in columns.map { visible($0.shown(row)) } }
    return aligned(lines, isLeft: columns.map(\.isText))
  }

  /// Keys with commas between them, then a line a row, without a newline behind the last. A cell is
  /// empty where its row has no value. Nested columns stand in JSON alone.
  var csv: String {
    let columns = columns.filter { $0.key != nil && !$0.isNested }
    let lines =
      [columns.map { $0.key ?? "" }]
      + rows.map { row in columns.map { $0.value(row)?.cell ?? "" } }
    return lines.map(csvLine).joined(separator: "\n")
  }
}

extension Report: Encodable {
  func encode(to encoder: any Encoder) throws {
    try Value.list(rows.map(object)).encode(to: encoder)
  }

  /// The values of a row under their keys; what it does not have is left out.
  private func object(_ row: Row) -> Value {
    var members: [String: Value] = [:]
    for column in columns {
      guard let key = column.key, let value = column.value(row) else { continue }
      let parts = key.split(separator: ".", maxSplits: 1).map(String.init)
      guard parts.count == 2 else {
        members[key] = value
        continue
      }
      var inner: [String: Value] = [:]
      if case .object(let earlier) = members[parts[0]] { inner = earlier }
      inner[parts[1]] = value
      members[parts[0]] = .object(inner)
    }
    return .object(members)
  }
}

/// Lines of cells set under each other, two blanks between columns.
func aligned(_ lines: [[String]], isLeft: [Bool]) -> String {
  let widths = isLeft.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
  return lines.map { cells in
    let padded = cells.indices.map { column in
      let padding = String(repeating: " ", count: widths[column] - cells[column].count)
      return isLeft[column] ? cells[column] + padding : padding + cells[column]
    }
    let line = padded.joined(separator: "  ")
    return line.hasSuffix(" ") ? String(line.reversed().drop { $0 == " " }.reversed()) : line
  }.joined(separator: "\n")
}
