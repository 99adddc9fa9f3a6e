/// Where a stream stood when it was last saved, and whether it is time again.
struct CheckpointSchedule {
  private let interval: CheckpointInterval
  private var events: UInt64
  private var seconds = 0.0

  /// - Parameter events: events that the learner has seen before the run.
  init(_ interval: CheckpointInterval, events: UInt64) {
    self.interval = interval
    self.events = events
  }

  /// Whether to save now; counts from here on if so.
  mutating func isDue(chunks: UInt64, events now: UInt64, seconds elapsed: Double) -> Bool {
    let due =
      switch interval {
      case .chunks(let count): chunks % count == 0
      case .events(let count): now - events >= count
      case .seconds(let count): elapsed - seconds >= count
      }
    if due {
      events = now
      seconds = elapsed
    }
    return due
  }
}
