/// A priority queue of numbered events by time, first in first out among equal times.
///
/// A calendar: one year of buckets of equal width, each a list sorted by time; what lies beyond the
/// year waits in one list and is dealt out when the year is over. With a width near the mean
/// distance of events, both operations touch one bucket. Inserting an event after all that are not
/// later keeps equal times in the order of insertion, so events need no sequence number.
///
/// Owns raw memory for the hot loop of ``EventEngine``; every index comes from the engine itself. All
/// that changes lies behind pointers, so that the loop's functions share a constant: of a variable that
/// several of them change, every access would be checked as the loop runs.
struct CalendarQueue: ~Copyable {
  private static let buckets = 8192

  private let times: UnsafeMutablePointer<Double>
  private let next: UnsafeMutablePointer<Int32>
  private let heads: UnsafeMutablePointer<Int32>
  private let tails: UnsafeMutablePointer<Int32>
  private let filled: UnsafeMutablePointer<UInt64>
  private let perSecond: Double
  private let year: UnsafeMutablePointer<Year>

  /// Where the queue stands.
  private struct Year {
    /// Number of the year's first bucket, counted from time 0.
    var start = 0.0
    /// Of the words in `filled`, the first that may have a bit.
    var word = 0
    /// Events in the queue.
    var count = 0
    /// Ends of the list of what lies beyond the year.
    var laterHead: Int32 = -1
    var laterTail: Int32 = -1
  }

  /// - Parameters:
  ///   - capacity: Events are numbered from 0 below this.
  ///   - spacing: Expected seconds between events; any positive number works.
  init(capacity: Int, spacing: Double) {
    times = .allocate(capacity: capacity)
    next = .allocate(capacity: capacity)
    times.initialize(repeating: 0, count: capacity)
    next.initialize(repeating: -1, count: capacity)
    heads = .allocate(capacity: Self.buckets)
    tails = .allocate(capacity: Self.buckets)
    filled = .allocate(capacity: Self.buckets / 64)
    heads.initialize(repeating: -1, count: Self.buckets)
    tails.initialize(repeating: -1, count: Self.buckets)
    filled.initialize(repeating: 0, count: Self.buckets / 64)
    year = .allocate(capacity: 1)
    year.initialize(to: Year())
    perSecond = spacing > 0 ? min(1 / spacing, .greatestFiniteMagnitude) : 1
  }

  deinit {
    times.deallocate()
    next.deallocate()
    heads.deallocate()
    tails.deallocate()
    filled.deallocate()
    year.deallocate()
  }

  /// Adds event `event`, which must not be in the queue, at `time`, not before the last one taken.
  @inline(__always)
  func insert(_ event: Int32, at time: Double) {
    times[Int(event)] = time
    year.pointee.count += 1
    // Whole numbers of buckets are exact in a Double up to 2^53; beyond that buckets only get
    // wider.
    let bucket = (time * perSecond).rounded(.down) - year.pointee.start
    if bucket < Double(Self.buckets) {
      insert(event, time, inBucket: Int(bucket))
    } else {
      next[Int(event)] = -1
      let last = year.pointee.laterTail
      if last < 0 { year.pointee.laterHead = event } else { next[Int(last)] = event }
      year.pointee.laterTail = event
    }
  }

  @inline(__always)
  private func insert(_ event: Int32, _ time: Double, inBucket bucket: Int) {
    let tail = tails[bucket]
    if tail < 0 {
      heads[bucket] = event
      tails[bucket] = event
      next[Int(event)] = -1
      filled[bucket >> 6] |= 1 << UInt64(bucket & 63)
    } else if times[Int(tail)] <= time {
      next[Int(tail)] = event
      tails[bucket] = event
      next[Int(event)] = -1
    } else {
      var before: Int32 = -1
      var after = heads[bucket]
      while times[Int(after)] <= time {
        before = after
        after = next[Int(after)]
      }
      next[Int(event)] = after
      if before < 0 { heads[bucket] = event } else { next[Int(before)] = event }
    }
  }

  /// Takes the earliest event, or nil when the queue is empty.
  @inline(__always)
  func take() -> (event: Int32, time: Double)? {
    if year.pointee.count == 0 { return nil }
    var word = year.pointee.word
    while true {
      while word < Self.buckets / 64, filled[word] == 0 { word += 1 }
      if word < Self.buckets / 64 { break }
      beginNextYear()
      word = 0
    }
    year.pointee.word = word
    let bits = filled[word]
    let bucket = word << 6 + bits.trailingZeroBitCount
    let event = heads[bucket]
    let following = next[Int(event)]
    heads[bucket] = following
    if following < 0 {
      tails[bucket] = -1
      filled[word] = bits & (bits &- 1)
    }
    year.pointee.count -= 1
    return (event, times[Int(event)])
  }

  /// Moves the calendar to the earliest waiting event and deals out what falls into that year.
  @inline(never)
  private func beginNextYear() {
    var earliest = Double.infinity
    var event = year.pointee.laterHead
    while event >= 0 {
      earliest = min(earliest, times[Int(event)])
      event = next[Int(event)]
    }
    year.pointee.start = (earliest * perSecond).rounded(.down)
    year.pointee.word = 0
    event = year.pointee.laterHead
    year.pointee.laterHead = -1
    year.pointee.laterTail = -1
    while event >= 0 {
      let following = next[Int(event)]
      year.pointee.count -= 1
      insert(event, at: times[Int(event)])
      event = following
    }
  }
}
