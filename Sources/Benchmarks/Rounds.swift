import Glibc

/// Takes turns between what is compared and keeps the medians.
struct Rounds {
  let count: Int

  /// What is looked at: the processor's time of this thread, which other programs disturb less, or
  /// the time that passes.
  enum Clock {
    case thread, wall

    var seconds: Double {
      var time = timespec()
      clock_gettime(self == .thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
  }

  /// Median seconds of each of `bodies`, run one after another, round after round.
  func medians(_ bodies: [() throws -> Void], by clock: Clock = .thread) throws -> [Double] {
    var seconds = [[Double]](repeating: [], count: bodies.count)
    for round in 0...count {
      for (index, body) in bodies.enumerated() {
        let start = clock.seconds
        try body()
        // The first round only warms caches.
        if round > 0 { seconds[index].append(clock.seconds - start) }
      }
    }
    return seconds.map { $0.sorted()[$0.count / 2] }
  }

  /// Ours beside a ceiling.
  ///
  /// - Parameter work: what one run of either does, in millions of `unit`.
  func row(
    _ what: String, _ unit: String, work: Double, against ceiling: String,
    by clock: Clock = .thread,
    ours: () throws -> Void, ceilingBody: () throws -> Void
  ) throws -> ResultRow {
    try withoutActuallyEscaping(ours) { ours in
      try withoutActuallyEscaping(ceilingBody) { body in
        let seconds = try medians([ours, body], by: clock)
        return ResultRow(
          what: what, unit: unit, ours: work / seconds[0], ceiling: work / seconds[1],
          ceilingName: ceiling)
      }
    }
  }
}

/// One line of the table; rates, or times where `isTime`.
struct ResultRow {
  var what: String
  var unit: String
  var ours: Double
  var ceiling: Double?
  var ceilingName = ""
  var isTime = false

  /// How much of the ceiling is reached: 1 is all of it.
  var ratio: Double? { ceiling.map { isTime ? $0 / ours : ours / $0 } }
}

/// Prints rows as they are ready.
struct ResultTable {
  private static let widths = [56, 10, 10, 6, 12]

  func begin() {
    print(line(["what", "ours", "ceiling", "ratio", "unit"], "ceiling is"))
  }

  func add(_ row: ResultRow) {
    print(
      line(
        [
          row.what, rounded(row.ours), row.ceiling.map(rounded) ?? "",
          row.ratio.map { rounded($0, 2) } ?? "", row.unit,
        ], row.ceilingName))
  }

  private func line(_ cells: [String], _ last: String) -> String {
    var text = ""
    for (index, cell) in cells.enumerated() {
      let space = String(repeating: " ", count: max(0, Self.widths[index] - cell.count))
      text += (1...3).contains(index) ? space + cell : cell + space
      text += "  "
    }
    return text + last
  }

  private func rounded(_ value: Double) -> String {
    rounded(value, value < 10 ? 2 : value < 100 ? 1 : 0)
  }

  private func rounded(_ value: Double, _ digits: Int) -> String {
    // A difference of two times may be below 0.
    guard value >= 0 else { return "-" + rounded(-value, digits) }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let units = Int((value * scale).rounded())
    guard digits > 0 else { return String(units) }
    let rest = String(units % Int(scale))
    return "\(units / Int(scale))." + String(repeating: "0", count: digits - rest.count) + rest
  }
}
