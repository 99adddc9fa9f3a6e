import Glibc
import SystemPackage

/// A bar with rate and time to go, on standard error and only on a terminal.
struct ProgressBar {
  /// Whether anybody looks.
  let isShown = isatty(STDERR_FILENO) == 1
  private let total: Int?
  private let unit: String?
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var drawn: ContinuousClock.Instant
  private var isDrawn = false
  private var pace = Pace()
  /// What is shown behind it: the last result, say.
  var remark = ""

  /// - Parameters:
  ///   - total: bytes to go through, or nil where nobody knows.
  ///   - unit: what is counted where it is not bytes.
  init(total: Int?, unit: String? = nil) {
    self.total = total
    self.unit = unit
    start = clock.now
    drawn = start
  }

  /// Seconds since the bar was made.
  var seconds: Double { (clock.now - start) / .seconds(1) }

  /// Redraws the bar, at most ten times a second.
  mutating func update(_ done: Int) {
    guard isShown, clock.now - drawn > .milliseconds(100) else { return }
    drawn = clock.now
    isDrawn = true
    let seconds = seconds
    pace.note(done, at: seconds)
    let rate = pace.rate ?? Double(done) / seconds
    var line = "\r\u{1B}[K"
    if let total, total > 0 {
      let share = min(1, Double(done) / Double(total))
      let filled = Int(share * 30)
      line += "[" + String(repeating: "=", count: filled)
      line += String(repeating: " ", count: 30 - filled) + "] "
      line += decimals(share * 100, 0) + " %, "
      line += "about " + duration(Double(max(0, total - done)) / max(1e-3, rate)) + " to go, "
    } else {
      line += unit == nil ? bytes(done) + ", " : ""
    }
    line += unit.map { "\(grouped(done)) \($0)" } ?? bytes(Int(min(1e15, rate))) + "/s"
    if !remark.isEmpty { line += "; " + visible(remark) }
    // A line that the terminal breaks cannot be taken back.
    let width = max(20, Terminal.of(STDERR_FILENO).width ?? 80)
    putOnStandardError(String(line.prefix(4 + width - 1)))
  }

  /// Takes the bar off the screen, before other lines are printed.
  mutating func clear() {
    guard isDrawn else { return }
    putOnStandardError("\r\u{1B}[K")
    isDrawn = false
  }
}

/// Writes a line to standard error, text of others made visible.
func complain(_ line: String, keepingLines: Bool = false) {
  putOnStandardError(visible(line, keepingLines: keepingLines) + "\n")
}

private func putOnStandardError(_ text: String) {
  // There is nowhere left to say that standard error is closed.
  _ = try? FileDescriptor.standardError.writeAll(text.utf8)
}
