import Dispatch
import Glibc
import RoutingTrace
import Synchronization

/// SIGINT and SIGTERM as a question that a loop asks between two chunks.
final class Interruption: Sendable {
  private let requested = Atomic(false)

  init() {
    for number in [SIGINT, SIGTERM] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { [self] in
        // The handler keeps the source, and so itself, for the life of the program.
        _ = source
        requested.store(true, ordering: .releasing)
      }
      source.resume()
    }
  }

  /// Whether the program was asked to stop.
  var isRequested: Bool { requested.load(ordering: .acquiring) }

  /// The traces as a stream that stops waiting for a pipe when the program is asked to stop.
  func stream(_ traces: [String]) throws -> TraceStream {
    try TraceStream(traces, isCancelled: { self.isRequested })
  }
}
