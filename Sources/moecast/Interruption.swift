import Dispatch
import Glibc
import RoutingTrace
import Synchronization

/// SIGINT, SIGTERM and SIGHUP as a question that a loop asks between two chunks.
///
/// The first asks the program to stop in order, the second ends it at once: files are replaced
/// whole or not at all, so that does no harm.
final class Interruption: Sendable {
  private let first = Atomic(Int32(0))

  /// Listens from now on: what comes while it begins to waits until it does.
  init() {
    // Whoever starts the program under `nohup`, or behind `&` in a script, has it ignored already.
    let numbers = [SIGINT, SIGTERM, SIGHUP].filter { !isIgnored($0) }
    var heard = sigset_t()
    var before = sigset_t()
    sigemptyset(&heard)
    for number in numbers { sigaddset(&heard, number) }
    pthread_sigmask(SIG_BLOCK, &heard, &before)
    let isListening = DispatchSemaphore(value: 0)
    for number in numbers {
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setRegistrationHandler { isListening.signal() }
      source.setEventHandler { [self] in
        // The handler keeps the source, and so itself, for the life of the program.
        _ = source
        let isFirst = first.compareExchange(
          expected: 0, desired: number, ordering: .acquiringAndReleasing
        ).exchanged
        if !isFirst { _exit(128 + number) }
      }
      source.resume()
    }
    for _ in numbers { isListening.wait() }
    pthread_sigmask(SIG_SETMASK, &before, nil)
  }

  /// The signal by which the program was asked to stop, if it was.
  var signalNumber: Int32? {
    let number = first.load(ordering: .acquiring)
    return number == 0 ? nil : number
  }

  /// Whether the program was asked to stop.
  var isRequested: Bool { signalNumber != nil }

  /// The traces as a stream that stops waiting for a pipe when the program is asked to stop.
  ///
  /// - Parameter chunks: the chunks to read of the one trace; nil for all of all traces.
  /// - Throws: ``Stopped`` where that happens before the first chunk.
  func stream(_ traces: [String], chunks: ClosedRange<Int>? = nil) throws -> TraceStream {
    do {
      return try TraceStream(traces, chunks: chunks, isCancelled: { self.isRequested })
    } catch is CancellationError {
      throw Stopped(by: signalNumber ?? SIGTERM, "before the first chunk")
    }
  }

  /// Ends a study that was asked to stop and has printed what was there.
  ///
  /// - Parameter results: how many there were.
  /// - Throws: ``Stopped``.
  func check(results: Int) throws {
    try check("after \(counted(results, "result")), which are printed; the others were not run")
  }

  /// Ends the command where it was asked to stop, when it has kept what it had.
  ///
  /// - Parameter remark: how far it came.
  /// - Throws: ``Stopped``.
  func check(_ remark: @autoclosure () -> String) throws {
    if let signalNumber { throw Stopped(by: signalNumber, remark()) }
  }
}

/// The end of a command that was asked to stop, with the exit status 128 + signal.
struct Stopped: Error, CustomStringConvertible {
  /// The signal's number.
  let signal: Int32
  /// How far it came, and how to go on.
  let remark: String

  /// A command that `signal` stopped.
  init(by signal: Int32, _ remark: String) {
    self.signal = signal
    self.remark = remark
  }

  var exitStatus: Int32 { 128 + signal }

  var description: String {
    let names = [SIGINT: "SIGINT", SIGTERM: "SIGTERM", SIGHUP: "SIGHUP"]
    return "stopped by \(names[signal] ?? "signal \(signal)") \(remark)"
  }
}

/// Whether the program was started with the signal ignored.
private func isIgnored(_ number: Int32) -> Bool {
  var action = sigaction()
  guard sigaction(number, nil, &action) == 0 else { return false }
  return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
    == unsafeBitCast(SIG_IGN, to: Int.self)
}
