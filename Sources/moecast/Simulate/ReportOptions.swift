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
  /// - Parameter table: what people see; nil for all columns that have a heading.
  func print<Row>(
    _ report: Report<Row>, to output: inout StandardOutput, table: String? = nil
  ) throws {
    if asJSON {
      output.text(try json(report))
    } else if asCSV {
      output.text(report.csv)
    } else {
      output.text(table ?? report.text())
    }
  }
}
