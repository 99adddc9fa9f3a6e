import Glibc
import Prequential
import RoutingTrace

/// The loop of `train` and `evaluate`: chunk by chunk, with progress, until the end or a stop.
struct StreamRun {
  /// How a run ended.
  enum Ending {
    case end
    case stopAfter
    case interrupted
  }

  let options: AccuracyOptions
  /// Whether chunks are learnt or only scored.
  var learns = true
  /// Chunks after which to stop, counted from the beginning of the stream.
  var stopAfter: Int?

  /// Events consumed in this run, and the seconds it took.
  private(set) var events: UInt64 = 0
  private(set) var seconds = 0.0

  private let interruption: Interruption

  init(_ options: AccuracyOptions, _ interruption: Interruption) {
    self.options = options
    self.interruption = interruption
  }

  /// Consumes what is left of `stream`.
  ///
  /// - Parameter afterChunk: called after every chunk with the learner, for checkpoints.
  mutating func consume(
    _ stream: sending TraceStream, into learner: inout Learner,
    afterChunk: (Learner) throws -> Void = { _ in }
  ) throws -> Ending {
    let shown = learner.recallAt.firstIndex(of: learner.shape.topK) ?? 0
    let n = learner.recallAt.isEmpty ? learner.shape.topK : learner.recallAt[shown]
    var table = ProgressTable(learner, n: n, every: options.every)
    var bar = ProgressBar(total: stream.size)
    let ahead = TraceReadAhead(stream)
    let eventsBefore = learner.progress.events
    var isHeaderPrinted = options.json
    var ending = Ending.end
    defer {
      bar.clear()
      events = learner.progress.events - eventsBefore
      seconds = bar.seconds
    }
    while true {
      if let stopAfter, learner.progress.chunks >= stopAfter {
        ending = .stopAfter
        break
      }
      if interruption.isRequested {
        ending = .interrupted
        break
      }
      let next: TraceChunk?
      do {
        next = try ahead.next()
      } catch is CancellationError {
        ending = .interrupted
        break
      }
      guard let chunk = next else { break }
      try learner.consume(chunk, learns: learns, workers: options.workers.threads)
      if table.isDue(learner.progress.chunks) {
        learner.note()
        if !options.json, !options.quiet, let row = learner.history.last {
          bar.clear()
          if !isHeaderPrinted { print(table.header) }
          isHeaderPrinted = true
          print(table.line(row, recallIndex: shown, seconds: bar.seconds))
          // Whoever reads the lines through a pipe wants them now.
          fflush(nil)
        }
      }
      try afterChunk(learner)
      bar.update(ahead.bytesRead)
    }
    bar.clear()
    ahead.complainOfUnfinished()
    return ending
  }

  /// Prints the figures of `learner` as the options ask.
  func report(_ learner: Learner) throws {
    let report = AccuracyReport(
      learner, recallAt: learner.recallAt, events: events, seconds: seconds)
    guard !options.json else { return print(try json(report)) }
    if !options.quiet { print() }
    print(report.table(learner.predictors, recallAt: learner.recallAt, stage: options.stage))
    if options.perLayer {
      print()
      print(report.layerTable(learner.predictors, n: learner.shape.topK))
    }
    print()
    print(
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
