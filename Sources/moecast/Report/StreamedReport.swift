/// A report that is printed part by part where that gives the same bytes, CSV, or where somebody
/// looks on, at a terminal; else whole at its end.
struct StreamedReport<Row> {
  private let columns: [Column<Row>]
  private let options: ReportOptions
  private var waiting: [Row] = []
  private var hasBegun = false
  /// Rows so far.
  private(set) var rows = 0

  init(_ columns: [Column<Row>], _ options: ReportOptions) {
    self.columns = columns
    self.options = options
  }

  /// Takes rows that follow those before.
  mutating func add(_ rows: [Row], printing output: inout StandardOutput) throws {
    self.rows += rows.count
    guard !rows.isEmpty else { return }
    let report = Report(columns, rows)
    if options.asCSV {
      try options.print(report, to: &output, csvHead: !hasBegun)
    } else if !options.asJSON, output.terminal.width != nil {
      if hasBegun { output.line() }
      try options.print(report, to: &output)
    } else {
      waiting += rows
      return
    }
    hasBegun = true
  }

  /// Prints what is still to be printed.
  func finish(printing output: inout StandardOutput) throws {
    guard !hasBegun else { return }
    try options.print(Report(columns, waiting), to: &output)
  }
}
