import TestSupport
import Testing

/// `analyze`, against numpy on the trace in `models/`.
@Suite(.enabled(if: Reference.isPresent, "\(Reference.absence)"))
struct AnalyzeTests {
  private static let printed = Result { try Program.json(["analyze", Program.test]) }

  @Test func figuresAreThoseOfNumpy() throws {
    let reference = try Reference.json("observations.py", [Program.test])
    let count = expectAll(of: reference, in: try Self.printed.get(), within: 1e-9)
    #expect(count > 500)
  }

  /// Every line of the table shows a measure of the JSON: its means, and the layers between which
  /// they lie.
  @Test func theTableShowsTheFigures() throws {
    let figures = try Self.printed.get()["figures"]
    let table = try PrintedTable(
      try Program.text(["analyze", Program.test]), beginning: "observation")
    #expect(table.rows.count == figures["all"].keys.count)
    // The last seven columns are figures; titles stand before them.
    var shown: Set<String> = []
    for row in table.rows {
      let measures = figures["all"].keys.filter { measure in
        let all = figures["all"][measure]
        let values =
          ["prefill", "decode", "all"].filter { !figures[$0][measure].isNull }
          .map { figures[$0][measure]["mean"].number }
          + [all["least"]["value"].number, all["least"]["layer"].number]
          + [all["most"]["value"].number, all["most"]["layer"].number]
        let cells = row.suffix(values.count)
        return cells.count == values.count
          && zip(cells, values).allSatisfy { Self.shows($0, $1) }
      }
      #expect(!measures.isEmpty, "\(row)")
      shown.formUnion(measures)
    }
    #expect(shown == figures["all"].keys)
  }

  /// Whether a cell shows a value as a share, a ratio, a correlation, a count or a layer's number.
  private static func shows(_ cell: String, _ value: Double) -> Bool {
    if cell.hasSuffix(" %") { return ProgramTests.shows(cell.dropLast(2), 100 * value, 1) }
    if cell.hasSuffix(" x") { return ProgramTests.shows(cell.dropLast(2), value, 2) }
    return [0, 1, 3].contains { ProgramTests.shows(cell, value, $0) }
  }
}
