import Prequential

/// The lines that `train` and `evaluate` print on the way: chunks, events and speed so far, and of
/// every predictor the recall since the beginning and since the line before.
struct ProgressTable {
  private let predictors: [String]
  private let n: Int
  private var previous: HistoryRow?
  private var previousEvents: UInt64
  private var previousSeconds = 0.0

  /// A table that goes on where the history of `learner` ends.
  ///
  /// - Parameter n: the n of the recall shown.
  init(_ learner: Learner, n: Int) {
    predictors = learner.predictors
    self.n = n
    previous = learner.history.last
    previousEvents = learner.progress.events
  }

  /// Two lines: the predictors' names, cut where they are long, and what stands below each.
  var header: String {
    let first = "  chunks       events   events/s"
    let columns = predictors.map { name in
      let title = String(name.prefix(13))
      return String(repeating: " ", count: max(0, 15 - title.count)) + title
    }
    return first + columns.joined() + "\n" + String(repeating: " ", count: first.count)
      + predictors.map { _ in "avg@\(n)   last".leftPadded(to: 15) }.joined()
  }

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
    for (index, sums) in row.predictors.enumerated() {
      let before = previous?.predictors[index]
      let hits = sums.hits[recallIndex]
      let average = Double(hits) / Double(max(1, sums.chosen))
      let last =
        Double(hits - (before?.hits[recallIndex] ?? 0))
        / Double(max(1, sums.chosen - (before?.chosen ?? 0)))
      line += (decimals(average, 4) + " " + decimals(last, 4)).leftPadded(to: 15)
    }
    previous = row
    previousEvents = row.events
    previousSeconds = seconds
    return line
  }
}

extension String {
  /// The text set to the right in `width` columns.
  func leftPadded(to width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }
}
