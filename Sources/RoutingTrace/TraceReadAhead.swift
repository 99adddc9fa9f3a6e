import Dispatch
import Synchronization

/// A stream whose next chunk is read and verified on another thread while the last one is used.
///
/// ```swift
/// let chunks = TraceReadAhead(try TraceStream(["traces/"]))
/// while let chunk = try chunks.next() { print(chunk.block.tokens) }
/// ```
///
/// One chunk ahead and no further, so that memory stays bounded. Chunks, errors and their order are
/// those of the stream.
public final class TraceReadAhead: Sendable {
  /// What the reading thread came to.
  private struct Outcome {
    var chunk: Result<TraceChunk?, any Error> = .success(nil)
    var bytesRead = 0
    var remarks = TraceRemarks()
  }

  /// Where the caller is.
  private struct Place {
    var isAsked = false
    var hasEnded = false
    var bytesRead = 0
    var remarks = TraceRemarks()
  }

  /// Touched by the reading thread only.
  private let stream: Mutex<TraceStream>
  /// Written by the reading thread before its signal, read by the caller behind it.
  private let outcome = Mutex(Outcome())
  /// What the caller was told last.
  private let place = Mutex(Place())
  /// Signalled once for every chunk that was read.
  private let ready = DispatchSemaphore(value: 0)
  /// Where reading happens, one chunk at a time.
  private let queue = DispatchQueue(label: "moecast.read-ahead")

  /// Takes the stream over; nothing is read before ``next()`` is called.
  public init(_ stream: sending TraceStream) { self.stream = Mutex(stream) }

  /// Compressed bytes up to the end of the chunk handed on last.
  public var bytesRead: Int { place.withLock { $0.bytesRead } }
  /// What is to be told of the files up to there.
  public var remarks: TraceRemarks { place.withLock { $0.remarks } }

  /// The next chunk of the stream; nil at the end. Called from one thread.
  ///
  /// - Throws: ``TraceError``; the stream is spent after it.
  public func next() throws -> TraceChunk? {
    let (isAsked, hasEnded) = place.withLock { ($0.isAsked, $0.hasEnded) }
    guard !hasEnded else { return nil }
    if !isAsked { ask() }
    ready.wait()
    let outcome = outcome.withLock { outcome in
      defer { outcome.chunk = .success(nil) }
      return outcome
    }
    let chunk = try? outcome.chunk.get()
    place.withLock { place in
      place = Place(
        isAsked: false, hasEnded: chunk == nil, bytesRead: outcome.bytesRead,
        remarks: outcome.remarks)
    }
    guard let chunk else { return try outcome.chunk.get() }
    ask()
    return chunk
  }

  /// Has the next chunk read.
  private func ask() {
    place.withLock { $0.isAsked = true }
    queue.async { [self] in
      let read = stream.withLock { stream in
        let chunk = Result { try stream.next() }
        return Outcome(chunk: chunk, bytesRead: stream.bytesRead, remarks: stream.remarks)
      }
      outcome.withLock { $0 = read }
      ready.signal()
    }
  }
}
