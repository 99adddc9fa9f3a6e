import Prequential
import RoutingTrace

/// The loop of `train` and `evaluate`: chunk by chunk, with progress, until the end or a stop.
struct StreamRun {
  let options: AccuracyOptions
  /// Whether chunks are learnt or only scored.
  var learns = true
  /// Chunks after which to stop, counted from the beginning of the stream.
  var stopAfter: Int?

  /// Events consumed in this run, and the seconds it took.
  private(set) var events: UInt64 = 0
  private(set) var seconds = 0.0
  /// Whether it ended because the program was asked to stop.
  private(set) var isInterrupted = false

  private let interruption: Interruption

  init(_ options: AccuracyOptions, _ interruption: Interruption) {
    self.options = options
    self.interruption = interruption
  }

  /// Consumes what is left of `stream`, or what comes before the program is asked to stop.
  ///
  /// - Parameter afterChunk: called after every chunk with the learner, for checkpoints.
  mutating func consume(
    _ stream: sending TraceStream, into learner: inout Learner,
    printing output: inout StandardOutput,
    afterChunk: (Learner) throws -> Void = { _ in }
  ) throws {
    let shown = learner.recallAt.firstIndex(of: learner.shape.topK) ?? 0
    let n = learner.recallAt.isEmpty ? learner.shape.topK : learner.recallAt[shown]
    var table = ProgressTable(learner, n: n, every: options.every)
    var bar = ProgressBar(total: stream.size)
    let ahead = TraceReadAhead(stream)
    let eventsBefore = learner.progress.events
    var isHeaderPrinted = options.json
    defer {
      bar.clear()
      events = learner.progress.events - eventsBefore
      seconds = bar.seconds
    }
    while true {
      if let stopAfter, learner.progress.chunks >= stopAfter { break }
      if interruption.isRequested {
        isInterrupted = true
        break
      }
      let next: TraceChunk?
      do { next = try ahead.next() } catch is CancellationError {
        isInterrupted = true
        break
      }
      guard let chunk = next else { break }
      try learner.consume(chunk, learns: learns, workers: options.workers.threads)
      if table.isDue(learner.progress.chunks) {
        learner.note()
        if !options.json, !options.quiet, let row = learner.history.last {
          bar.clear()
          if !isHeaderPrinted { output.text(table.header) }
          isHeaderPrinted = true
          output.line(table.line(row, recallIndex: shown, seconds: bar.seconds))
        }
      }
      try afterChunk(learner)
      bar.update(ahead.bytesRead)
    }
    bar.clear()
    ahead.complainOfUnfinished()
  }

  /// Ends the command as one that was asked to stop, where that ended the run.
  ///
  /// - Parameter remark: how to go on.
  /// - Throws: ``Stopped``.
  func checkInterruption(_ learner: Learner, _ remark: String) throws {
    guard isInterrupted else { return }
    try interruption.check("after \(grouped(learner.progress.chunks)) chunks; \(remark)")
  }

  /// Prints the figures of `learner` as the options ask.
  func report(_ learner: Learner, printing output: inout StandardOutput) throws {
    let report = AccuracyReport(
      learner, recallAt: learner.recallAt, events: events, seconds: seconds)
    guard !options.json else { return output.text(try json(report)) }
    if !options.quiet { output.line() }
    output.text(report.table(learner.predictors, recallAt: learner.recallAt, stage: options.stage))
    if options.perLayer {
      output.line()
      output.text(report.layerTable(learner.predictors, n: learner.shape.topK))
    }
    output.line()
    output.line(
      "\(grouped(learner.progress.requests)) requests, \(grouped(learner.progress.tokens)) tokens; "
        + "\(grouped(events)) events in \(decimals(seconds, 2)) s, "
        + "\(grouped(Int(report.eventsPerSecond))) events/s")
  }
}

extension TraceReadAhead {
  /// Says which files ended without an index.
  func complainOfUnfinished() {
    for name in unfinished {
      complain("moecast: \(name): no index at its end; it was cut short or is still being written")
    }
  }
}
