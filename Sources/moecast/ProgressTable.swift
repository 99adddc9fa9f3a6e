import Prequential

/// The lines that `train` and `evaluate` print on the way: chunks, events and speed so far, and of
/// every predictor the recall since the beginning and since the line before.
struct ProgressTable {
  private let predictors: [String]
  /// The ordinals of the predictors that are shown: the last ones, as many as fit.
  private let shown: Range<Int>
  private let n: Int
  private var previous: HistoryRow?
  private var previousEvents: UInt64
  private var previousSeconds = 0.0

  /// A table that goes on where the history of `learner` ends.
  ///
  /// - Parameters:
  ///   - n: the n of the recall shown.
  ///   - width: what a line may take; nil for what it takes.
  init(_ learner: Learner, n: Int, width: Int? = nil) {
    predictors = learner.predictors
    let room = width.map { max(1, ($0 - Self.first.count) / Self.cell) } ?? predictors.count
    shown = max(0, predictors.count - room)..<predictors.count
    self.n = n
    previous = learner.history.last
    previousEvents = learner.progress.events
  }

  /// Two lines: the predictors' names, cut where they are long, and what stands below each.
  var header: String {
    let columns = predictors[shown].map { String($0.prefix(13)).leftPadded(to: Self.cell) }
    return Self.first + columns.joined() + "\n" + String(repeating: " ", count: Self.first.count)
      + shown.map { _ in "avg@\(n)   last".leftPadded(to: Self.cell) }.joined()
  }

  /// What is said of the predictors that have no room; nil where all have.
  var note: String? {
    guard shown.lowerBound > 0 else { return nil }
    return "not shown here, for want of width: "
      + predictors[..<shown.lowerBound].joined(separator: ", ")
  }

  private static let first = "  chunks       events   events/s"
  /// Columns that a predictor takes.
  private static let cell = 15

  /// The line of a row of the learner's history.
  ///
  /// - Parameters:
  ///   - recallIndex: where the n shown stands among the learner's.
  ///   - seconds: since the run began.
  mutating func line(_ row: HistoryRow, recallIndex: Int, seconds: Double) -> String {
    let rate = Double(row.events - previousEvents) / max(1e-9, seconds - previousSeconds)
    var line = grouped(row.chunks).leftPadded(to: 8)
    line += grouped(row.events).leftPadded(to: 13)
    line += grouped(Int(rate)).leftPadded(to: 11)
    for index in shown {
      let sums = row.predictors[index]
      let before = previous?.predictors[index]
      let hits = sums.hits[recallIndex]
      let average = Double(hits) / Double(max(1, sums.chosen))
      let last =
        Double(hits - (before?.hits[recallIndex] ?? 0))
        / Double(max(1, sums.chosen - (before?.chosen ?? 0)))
      line += (decimals(average, 4) + " " + decimals(last, 4)).leftPadded(to: Self.cell)
    }
    previous = row
    previousEvents = row.events
    previousSeconds = seconds
    return line
  }
}

extension ProgressTable: Shown {
  /// The header.
  func lines(on terminal: Terminal) -> [Line] {
    header.lines(on: terminal).map { Line($0.text, .bold) }
  }
}

extension String {
  /// The text set to the right in `width` columns.
  func leftPadded(to width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }
}
