import Prequential
import RoutingTrace

/// The way of `analyze` and `compare` through a stream, chunks read ahead on another thread: to its
/// end, to a chunk that cannot be used, or to a signal.
///
/// ```swift
/// var pass = StreamPass(interruption)
/// pass.consume(try interruption.stream(traces)) { try analysis.consume($0.block) }
/// if pass.hasFigures { print(analysis) }
/// try pass.finish("the figures are of what was read")
/// ```
struct StreamPass {
  /// Chunks that were used.
  private(set) var chunks = 0
  /// Seconds that took.
  private(set) var seconds = 0.0

  /// Which of the chunks came twice.
  private(set) var known = KnownChunks()
  /// The digests of the chunks, in their order.
  private(set) var digests: [UInt32] = []

  /// What of the chunks was not recorded.
  private(set) var absent = AbsentRoutes()
  private let interruption: Interruption
  private var failure: (any Error)?
  private var remarks = TraceRemarks()

  /// A pass that ends early when the program is asked to stop.
  init(_ interruption: Interruption) { self.interruption = interruption }

  /// Hands `use` every chunk of `stream`, with a bar. What goes wrong is kept for ``finish(_:)``,
  /// so that what the chunks before it tell can be told first.
  mutating func consume(
    _ stream: sending TraceStream, _ use: (TraceChunk) throws -> Void
  ) {
    consume(telling: stream) { chunk in
      try use(chunk)
      return nil
    }
  }

  /// The same, of whose chunks people at a terminal see what `use` returns.
  mutating func consume(
    telling stream: sending TraceStream, _ use: (TraceChunk) throws -> String?
  ) {
    var bar = ProgressBar(total: stream.size)
    let ahead = TraceReadAhead(stream)
    do {
      while !interruption.isRequested, let chunk = try ahead.next() {
        let line = try use(chunk)
        absent.add(chunk.block)
        known.note(chunk.checksum)
        digests.append(chunk.checksum)
        chunks += 1
        if bar.isShown, let line {
          bar.clear()
          complain(line, keepingLines: true)
        }
        bar.update(ahead.bytesRead)
      }
    } catch is CancellationError {
      // Asked to stop while a pipe was empty.
    } catch {
      failure = error
    }
    bar.clear()
    seconds = bar.seconds
    remarks = ahead.remarks
  }

  /// Whether there is anything to tell: chunks were used, or the whole stream had none.
  var hasFigures: Bool { chunks > 0 || (failure == nil && !interruption.isRequested) }

  /// Whether the stream was read to its end.
  var isWhole: Bool { failure == nil && !interruption.isRequested }

  /// Says what is to be told of the files, then ends the command as the pass ended.
  ///
  /// - Parameters:
  ///   - remark: what the figures are worth where the program was asked to stop.
  ///   - isTold: whether anything is said; another pass over the same files says it.
  /// - Throws: what went wrong, or ``Stopped``.
  func finish(_ remark: String, isTold: Bool = true) throws {
    if isTold {
      complain(of: absent)
      complain(of: remarks)
    }
    if let failure { throw failure }
    try interruption.check("after \(counted(chunks, "chunk")); \(remark)")
  }
}
