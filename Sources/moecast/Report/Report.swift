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
  /// Which rows stand out on a terminal, as the best of all.
  var isBest: (Row) -> Bool = { _ in false }

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
    Report(chosen ?? columns, rows).plain
  }

  /// Keys with commas between them, then a line a row, without a newline behind the last. A cell is
  /// empty where its row has no value. Nested columns stand in JSON alone.
  var csv: String {
    ([csvLine(cells.map { $0.key ?? "" })] + csvLines).joined(separator: "\n")
  }

  /// The lines of CSV without that of the keys.
  var csvLines: [String] {
    rows.map { row in csvLine(cells.map { $0.value(row)?.cell ?? "" }) }
  }

  /// The columns that CSV has.
  private var cells: [Column<Row>] { columns.filter { $0.key != nil && !$0.isNested } }
}

extension Report: Shown {
  /// The table: in a file or a pipe as wide as it is; on a terminal in blocks that fit, with what
  /// else there is to see only there.
  func lines(on terminal: Terminal) -> [Line] {
    let columns = columns.filter { $0.heading != nil && (terminal.width != nil || !$0.isLive) }
    let leading = columns.prefix { $0.isText }.count
    var layout = TableLayout(
      headings: columns.map { $0.heading ?? "" },
      rows: rows.map { row in columns.map { visible($0.shown(row)) } },
      isLeft: columns.map(\.isText),
      isName: columns.indices.map { $0 < max(1, leading) || columns[$0].isName })
    layout.meanings = columns.map(\.meaning)
    layout.isBest = rows.map(isBest)
    return layout.lines(on: terminal)
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
