import ArgumentParser

/// How often a run saves: after so many chunks, seconds or events.
enum CheckpointInterval: Hashable, ExpressibleByArgument {
  case chunks(UInt64)
  case seconds(Double)
  case events(UInt64)

  /// `64` chunks, `30s` seconds, `1000000e` events; nil for anything else or for 0.
  init?(argument: String) {
    guard let unit = argument.last else { return nil }
    let number = argument.dropLast()
    switch unit {
    case "s":
      guard let value = Double(number), value > 0, value.isFinite else { return nil }
      self = .seconds(value)
    case "e":
      guard let value = UInt64(number), value > 0 else { return nil }
      self = .events(value)
    default:
      guard let value = UInt64(argument), value > 0 else { return nil }
      self = .chunks(value)
    }
  }
}

/// Where a stream stood when it was last saved.
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
