import Glibc
import SystemPackage

/// One line on a terminal's standard error that says how far a stream of known size has come.
struct ByteProgress {
  private let total: Int
  private let isShown: Bool
  private let start = ContinuousClock.now
  private var last: ContinuousClock.Instant

  /// - Parameter total: bytes in all; 0 where that is not known.
  init(total: Int) {
    self.total = total
    isShown = isatty(STDERR_FILENO) == 1
    last = start
  }

  /// Shows `done` of the bytes, ten times a second at most.
  mutating func update(_ done: Int) {
    guard isShown, last.duration(to: .now) > .milliseconds(100) else { return }
    last = .now
    let seconds = start.duration(to: last) / .seconds(1)
    let rate = Double(done) / max(seconds, 1e-9)
    var line = "\r\(megabytes(Double(done))) MB"
    if total > 0 {
      let left = Int((Double(max(0, total - done)) / max(rate, 1)).rounded(.up))
      line += " of \(megabytes(Double(total))) MB, \(done * 100 / total) %, \(left) s left"
    }
    line += ", \(megabytes(rate)) MB/s\u{1B}[K"
    write(line)
  }

  /// Clears the line.
  func finish() {
    if isShown { write("\r\u{1B}[K") }
  }

  private func write(_ text: String) { _ = try? FileDescriptor.standardError.writeAll(text.utf8) }
}

/// Millions of bytes with one decimal.
func megabytes(_ bytes: Double) -> String {
  let tenths = Int((bytes / 1e5).rounded())
  return "\(tenths / 10).\(tenths % 10)"
}
