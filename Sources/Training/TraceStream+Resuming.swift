import Prequential
import RoutingTrace

extension TraceStream {
  /// Passes over the chunks that a learner has seen, checking that they are the same.
  ///
  /// - Throws: ``TraceError`` where the stream is another one or ends before.
  /// - Complexity: every chunk that is passed over is read and verified.
  public mutating func skip(_ progress: StreamProgress) throws {
    for (ordinal, expected) in progress.checksums.enumerated() {
      guard let chunk = try next() else {
        throw TraceError(
          .shapeMismatch, file: files[files.count - 1], chunk: ordinal,
          problem: "the stream ends here, the model has seen \(progress.checksums.count) chunks",
          remedy: "give the traces the model was learning from, in the same order")
      }
      guard chunk.checksum == expected else {
        throw TraceError(
          .shapeMismatch, file: files.count == 1 ? files[0] : "the stream", chunk: ordinal,
          problem: "this is not the chunk that the model has seen here",
          remedy: "give the traces the model was learning from, in the same order")
      }
    }
  }
}
