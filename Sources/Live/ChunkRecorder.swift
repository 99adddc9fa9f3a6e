import Prequential
import RoutingTrace

/// Makes chunks of a trace of the tokens that are closed, and says what a learner has to do so that
/// it becomes what training on that trace would make of it.
struct ChunkRecorder {
  /// What the learner has to do next.
  enum Step {
    /// Learn these tokens.
    case learn(TokenBlock)
    /// Note that the tokens learnt last were a chunk with this digest.
    case pass(chunk: UInt32)
  }

  private let shape: TraceShape
  private let file: RecordingFile
  private var writer: TraceWriter<RecordingFile>
  /// Tokens of the open chunk that no step has brought yet.
  private var piece: ClosedTokens

  /// - Parameter path: the trace; nil where its chunks are wanted only for their digests.
  /// - Throws: `RoutingTrace/TraceError` where it cannot be created.
  init(_ shape: TraceShape, to path: String?) throws {
    self.shape = shape
    file = try path.map { try RecordingFile(creating: $0) } ?? RecordingFile()
    writer = try TraceWriter(file, header: TraceHeader(shape: shape))
    piece = ClosedTokens(shape: shape)
  }

  /// Takes tokens; their steps end with the last of them.
  ///
  /// - Throws: what writing throws.
  mutating func take(_ tokens: ClosedTokens) throws -> [Step] {
    var steps: [Step] = []
    var tasks = Dictionary(tokens.labels.map { ($0.request, $0.task) }) { first, _ in first }
    var at = 0
    for run in tokens.runs {
      // Token by token: the writer alone knows where a chunk ends.
      for index in 0..<max(1, run.count) {
        var own = run
        own.firstToken += index
        own.count = min(1, run.count)
        own.endsRequest = run.endsRequest && index >= run.count - 1
        let ids = Array(tokens.ids[at..<at + own.count * shape.idsPerToken])
        at += ids.count
        let task = tasks.removeValue(forKey: run.request) ?? ""
        let chunks = writer.index.offsets.count
        try writer.append(
          own, label: RequestLabel(request: run.request, task: task), ids: ids[...])
        piece.append(own, task: task, ids: ids)
        if writer.index.offsets.count > chunks { steps += try closePiece() }
      }
    }
    if !piece.isEmpty { steps += try [.learn(takePiece())] }
    return steps
  }

  /// Writes what waits as a chunk of its own.
  ///
  /// - Throws: what writing throws.
  mutating func endChunk() throws -> [Step] {
    let chunks = writer.index.offsets.count
    try writer.flush()
    return writer.index.offsets.count > chunks ? try closePiece() : []
  }

  /// Writes what waits, the index, and closes the file; nothing may be taken after it.
  ///
  /// - Throws: what writing throws.
  mutating func finish() throws {
    try writer.finish()
    try file.close()
  }

  /// What is left to learn of the chunk that was just written, and its digest.
  private mutating func closePiece() throws -> [Step] {
    let pass = Step.pass(chunk: writer.checksumOfLastChunk)
    return piece.isEmpty ? [pass] : [.learn(try takePiece()), pass]
  }

  private mutating func takePiece() throws -> TokenBlock {
    defer { piece.removeAll() }
    return try piece.block()
  }
}
