import Prequential
import RoutingTrace
import Training

/// The run of `train` and `evaluate` as it is seen: lines and a bar on the way, figures at the end.
struct StreamRun {
  /// The run itself.
  var training = TrainingRun()

  /// Whether no lines are printed on the way, whatever the options say.
  var isQuiet = false

  private let options: AccuracyOptions
  private let progress: ProgressOptions
  private let interruption: Interruption

  /// A run that prints as the options ask and stops when the program is asked to.
  init(
    _ options: AccuracyOptions, _ progress: ProgressOptions, _ interruption: Interruption
  ) {
    self.options = options
    self.progress = progress
    self.interruption = interruption
    training.noteEvery = progress.every
    training.workers = options.workers.threads
  }

  /// Consumes what is left of `stream`, or what comes before the program is asked to stop.
  mutating func consume(
    _ stream: sending TraceStream, into learner: inout Learner,
    printing output: inout StandardOutput
  ) throws {
    let shown = learner.recallAt.firstIndex(of: learner.shape.topK) ?? 0
    let n = learner.recallAt.isEmpty ? learner.shape.topK : learner.recallAt[shown]
    var table = ProgressTable(learner, n: n, width: output.terminal.width)
    var bar = ProgressBar(total: stream.size)
    var isHeaderPrinted = options.json
    let isPrinted = !options.json && !progress.quiet && !isQuiet
    defer { bar.clear() }
    try training.consume(
      stream, into: &learner, isStopped: { interruption.isRequested },
      progress: { progress in
        switch progress {
        case .noted(let row, let seconds):
          guard isPrinted else { return }
          bar.clear()
          if !isHeaderPrinted {
            if let note = table.note { output.note(note) }
            output.show(table)
          }
          isHeaderPrinted = true
          output.line(table.line(row, recallIndex: shown, seconds: seconds))
        case .read(let bytes): bar.update(bytes)
        case .ended(let remarks):
          bar.clear()
          complain(of: remarks)
        }
      })
  }

  /// Ends the command as one that was asked to stop, where that ended the run.
  ///
  /// - Parameter remark: how to go on.
  /// - Throws: ``Stopped``.
  func checkInterruption(_ learner: Learner, _ remark: String) throws {
    guard training.isInterrupted else { return }
    try interruption.check("after \(counted(learner.progress.chunks, "chunk")); \(remark)")
  }

  /// Prints the figures of `learner` as the options ask.
  ///
  /// - Parameter model: the file that what was learnt is kept in; nil where nothing is.
  func report(
    _ learner: Learner, keptIn model: String? = nil, printing output: inout StandardOutput
  ) throws {
    let scores = StreamScores(learner)
    var report = AccuracyReport(
      scores, recallAt: scores.recallAt, events: training.events, absent: training.absent,
      known: training.known, seconds: training.seconds)
    report.model = model
    complain(of: training.absent)
    complain(of: training.known, areKept: training.saver != nil)
    guard !options.json else { return output.text(try json(report)) }
    if !progress.quiet { output.line() }
    output.show(report, of: scores, as: options)
    output.line(
      "\(counted(learner.progress.requests, "request")), "
        + "\(counted(learner.progress.tokens, "token")); "
        + "\(counted(training.events, "event")) in \(decimals(training.seconds, 2)) s, "
        + "\(grouped(Int(report.eventsPerSecond))) events/s")
  }
}

/// Says what is to be told of the files that were read.
func complain(of remarks: TraceRemarks) {
  for line in remarks.lines { complain("moecast: \(line)") }
}
