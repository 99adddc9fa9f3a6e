import ModelFile
import Prequential
import RoutingTrace

/// A learner's way through a stream: chunk by chunk until the end or a stop, with figures noted and
/// checkpoints saved on the way.
///
/// ```swift
/// var run = TrainingRun()
/// run.saver = CheckpointSaver(try CheckpointFile("model.h5"))
/// run.interval = .chunks(64)
/// var learner = try Learner(shape: stream.shape, predictors: ["mixture"])
/// try run.consume(stream, into: &learner) { print($0) }
/// ```
///
/// The learner, and so the model, depends on the stream, ``noteEvery`` and ``stopAfter`` alone; not
/// on the threads, on when checkpoints were saved or on how often the run was broken off and
/// resumed.
public struct TrainingRun {
  /// What is told on the way.
  public enum Progress: Sendable {
    /// Figures were noted in the learner's history.
    case noted(HistoryRow, seconds: Double)
    /// A chunk is behind; compressed bytes taken from the stream so far.
    case read(bytes: Int)
    /// The run is at its end; what is to be told of the files that were read.
    case ended(TraceRemarks)
  }

  /// Whether chunks are learnt or only scored.
  public var learns = true
  /// Chunks after which to stop, counted from the beginning of the stream.
  public var stopAfter: Int?
  /// Chunks between two notes in the learner's history; nil for notes after 1, 2, 4, 8, ... chunks.
  public var noteEvery: Int?
  /// Threads among which layers are split.
  public var workers = 1
  /// Where the model is kept; nil for nowhere.
  public var saver: CheckpointSaver?
  /// How often it is saved before the end; nil for never.
  public var interval: CheckpointInterval?

  /// Events consumed by this run.
  public private(set) var events: UInt64 = 0
  /// What of it was not recorded: passed over, neither scored nor learnt.
  public private(set) var absent = AbsentRoutes()
  /// Which of its chunks had been learnt before, or came twice.
  public private(set) var known = KnownChunks()
  /// The seconds that took, without the saving at the end.
  public private(set) var seconds = 0.0
  /// Whether it ended because it was asked to.
  public private(set) var isInterrupted = false

  /// A run that learns to the end of the stream and saves nothing.
  public init() {}

  /// Consumes what is left of `stream`, or what comes before somebody asks to stop, and saves.
  ///
  /// After a damaged chunk, or one that does not fit, what the chunks before it taught is saved; it
  /// has taught nothing.
  ///
  /// - Parameters:
  ///   - learner: nobody else should hold its tables, which would be copied.
  ///   - isStopped: asked between two chunks.
  ///   - progress: called on the calling thread.
  /// - Throws: `TraceError`, `LearnerError`, `ModelError`, or what `progress` throws.
  public mutating func consume(
    _ stream: sending TraceStream, into learner: inout Learner,
    isStopped: () -> Bool = { false }, progress: (Progress) throws -> Void = { _ in }
  ) throws {
    let before = learner.progress
    known = KnownChunks(learner.digests)
    do {
      try pass(stream, to: &learner, isStopped: isStopped, progress: progress)
    } catch
      where (error is TraceError || error is LearnerError)
      && learner.progress.chunks > before.chunks
    {
      try saver?.finish(learner)
      throw error
    }
    try saver?.finish(learner)
  }

  private mutating func pass(
    _ stream: sending TraceStream, to learner: inout Learner,
    isStopped: () -> Bool, progress: (Progress) throws -> Void
  ) throws {
    let clock = ContinuousClock()
    let start = clock.now
    let ahead = TraceReadAhead(stream)
    let eventsBefore = learner.progress.events
    var schedule = interval.map { CheckpointSchedule($0, events: eventsBefore) }
    defer {
      events = learner.progress.events - eventsBefore
      seconds = (clock.now - start) / .seconds(1)
    }
    while true {
      if let stopAfter, learner.progress.chunks >= stopAfter { break }
      isInterrupted = isStopped()
      if isInterrupted { break }
      let next: TraceChunk?
      do { next = try ahead.next() } catch is CancellationError {
        isInterrupted = true
        break
      }
      guard let chunk = next else { break }
      try learner.consume(chunk, learns: learns, workers: workers)
      absent.add(chunk.block)
      known.note(chunk.checksum)
      let elapsed = (clock.now - start) / .seconds(1)
      if isNoteDue(learner.progress) {
        learner.recordHistory()
        if let row = learner.history.last { try progress(.noted(row, seconds: elapsed)) }
      }
      if let saver,
        schedule?.isDue(
          chunks: learner.progress.chunks, events: learner.progress.events, seconds: elapsed)
          == true
      {
        try saver.begin(learner)
      }
      try progress(.read(bytes: ahead.bytesRead))
    }
    try progress(.ended(ahead.remarks))
  }

  private func isNoteDue(_ progress: StreamProgress) -> Bool {
    guard let noteEvery else { return progress.isMilestone }
    return progress.chunks % UInt64(noteEvery) == 0
  }
}
