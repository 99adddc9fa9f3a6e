/// Where a chunk is when its die asks for it.
enum ChunkPresence {
  /// Where the plan says: it has to be read.
  case elsewhere
  /// At the die, to be used from the given time on.
  case here(ready: Double)
  /// On its way; ``BackgroundTraffic/advance(_:at:_:_:)`` will say when it has come.
  case coming
}

/// Traffic that shares memories and links with a layer's demand in an ``EventRun``, and may bring
/// some of it: ``TransferTraffic``, or none.
///
/// Its events are flights of their own in the same calendar, numbered from `first` on. Without any,
/// ``NoBackgroundTraffic`` costs nothing: the loop is compiled for it apart.
protocol BackgroundTraffic {
  static var isPresent: Bool { get }
  /// Flights that it needs.
  var flights: Int { get }
  /// Seconds that it has to itself after the demand's end.
  var gapSeconds: Double { get }
  /// Chunks that demand found at its dies, or waited for.
  var chunksHere: Int { get }

  /// The layer begins: puts the first flights into the calendar.
  mutating func begin(
    first: Int32, _ state: borrowing RunState, _ calendar: borrowing CalendarQueue)

  /// Demand's flight asks for a chunk of a task.
  mutating func meet(
    task: Int32, chunk: Int32, flight: Int32, at now: Double, _ state: borrowing RunState
  ) -> ChunkPresence

  /// A chunk that was read from elsewhere has reached its die.
  mutating func received(task: Int32, at now: Double)

  /// One of its flights has its turn.
  ///
  /// - Returns: A flight of demand whose chunk has now come, or -1.
  mutating func advance(
    _ flight: Int32, at now: Double, _ state: borrowing RunState,
    _ calendar: borrowing CalendarQueue
  ) -> Int32

  /// One of its flights would have its turn at `time`, after the layer and its gap.
  mutating func suspend(_ flight: Int32, at time: Double)

  /// Demand has ended at `time`.
  mutating func end(at time: Double)
}

/// Nothing beside the demand.
struct NoBackgroundTraffic: BackgroundTraffic {
  static var isPresent: Bool { false }
  var flights: Int { 0 }
  var gapSeconds: Double { 0 }
  var chunksHere: Int { 0 }

  func begin(first: Int32, _ state: borrowing RunState, _ calendar: borrowing CalendarQueue) {}

  func meet(
    task: Int32, chunk: Int32, flight: Int32, at now: Double, _ state: borrowing RunState
  ) -> ChunkPresence { .elsewhere }

  func received(task: Int32, at now: Double) {}

  func advance(
    _ flight: Int32, at now: Double, _ state: borrowing RunState,
    _ calendar: borrowing CalendarQueue
  ) -> Int32 { -1 }

  func suspend(_ flight: Int32, at time: Double) {}
  func end(at time: Double) {}
}
