import Dispatch
import Glibc
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
}
