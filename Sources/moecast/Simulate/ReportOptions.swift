import ArgumentParser

/// How a list of figures is printed: as a table, as JSON or as CSV.
struct ReportOptions: ParsableArguments {
  @Flag(name: .customLong("json"), help: "Print a JSON list, one object a line of the table.")
  var asJSON = false

  @Flag(
    name: .customLong("csv"),
    help: "Print comma-separated values, in full, under the keys of --json.")
  var asCSV = false

  func validate() throws {
    guard !(asJSON && asCSV) else { throw ValidationError("give one of --json and --csv") }
  }

  /// Prints `report` as the options ask.
  ///
  /// - Parameters:
  ///   - table: what people see, one below the other; nil for all columns that have a heading.
  ///   - hasHead: whether CSV begins with its keys.
  func print<Row>(
    _ report: Report<Row>, to output: inout StandardOutput, table: [any Shown]? = nil,
    csvHead hasHead: Bool = true
  ) throws {
    // JSON has no numbers beyond these, and whoever reads a table should not be told of any.
    if let (key, row) = report.firstInfinite { throw InfiniteFigure(key: key, line: row + 1) }
    if asJSON {
      output.text(try json(report))
    } else if asCSV {
      output.text(hasHead ? report.csv : report.csvLines.joined(separator: "\n"))
    } else {
      for part in table ?? [report] { output.show(part) }
    }
  }
}

/// A figure that is beyond every number, or none.
struct InfiniteFigure: Error, CustomStringConvertible {
  let key: String
  /// The report's line, counted from 1.
  let line: Int

  var description: String {
    "\(key) of line \(line) of the results is no finite number; an option's value is too large,"
      + " or too small: take one nearer to what exists"
  }
}

extension Report {
  /// The first value that is not finite: its key, and its row counted from 0.
  var firstInfinite: (key: String, row: Int)? {
    for (index, row) in rows.enumerated() {
      for column in columns {
        if let key = column.key, case .number(let number)? = column.value(row), !number.isFinite {
          return (key, index)
        }
      }
    }
    return nil
  }
}
