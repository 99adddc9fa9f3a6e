import Prequential

/// Lines printed while learning: events, speed, and each predictor's average and since-last recall.
struct ProgressTable {
  private let predictors: [String]
  private let n: Int
  private var previous: HistoryRow?
  private var previousEvents: UInt64
  private var previousSeconds = 0.0

  /// - Parameter n: the n of the recall shown.
  init(_ learner: Learner, n: Int) {
    predictors = learner.predictors
    self.n = n
    previous = learner.history.last
    previousEvents = learner.progress.events
  }

  var header: String {
    let first = "  chunks       events   events/s"
    let columns = predictors.map { name in
      let title = String(name.prefix(13))
      return String(repeating: " ", count: max(0, 15 - title.count)) + title
    }
    return first + columns.joined() + "\n" + String(repeating: " ", count: first.count)
      + predictors.map { _ in "avg@\(n)   last".leftPadded(to: 15) }.joined()
  }

  /// The line of `row`, noted at `index` of the row's recall columns.
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
