/// How fast work goes now: over the last tenth of what is done, not since the beginning, which may
/// have been much slower or faster.
///
/// ```swift
/// var pace = Pace()
/// pace.note(1_000_000, at: 1.0)  // so much was done after one second
/// pace.note(3_000_000, at: 2.0)
/// pace.rate                      // 2e6 a second
/// ```
struct Pace {
  /// What was done when, the oldest first.
  private var notes: [(done: Int, seconds: Double)] = []

  /// Notes what is done; a note that is less than a hundredth more than the one before takes its
  /// place, so that there are never many.
  mutating func note(_ done: Int, at seconds: Double) {
    if notes.count > 1, Double(done - notes[notes.count - 2].done) < Double(done) / 100 {
      notes[notes.count - 1] = (done, seconds)
    } else {
      notes.append((done, seconds))
    }
    // The last note before the tenth begins is where it is measured from.
    let tenth = Double(done) * 0.9
    let kept = notes.lastIndex { Double($0.done) <= tenth } ?? 0
    notes.removeFirst(kept)
  }

  /// What is done a second; nil before there is anything to measure.
  var rate: Double? {
    guard let first = notes.first, let last = notes.last, last.seconds > first.seconds,
      last.done > first.done
    else { return nil }
    return Double(last.done - first.done) / (last.seconds - first.seconds)
  }
}
