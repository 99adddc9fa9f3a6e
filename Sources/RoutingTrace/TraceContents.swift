import LZ4Frame

/// What is in a trace, as far as it can be read.
///
/// ```swift
/// let contents = try TraceContents(of: "trace.moe.lz4")
/// print(contents.requests, contents.tasks, contents.isIntact)
/// ```
public struct TraceContents: Hashable, Sendable {
  /// The header's shape and provenance.
  public let header: TraceHeader
  /// Requests that begin in the trace.
  public private(set) var requests = 0
  /// Tokens in the trace.
  public private(set) var tokens = 0
  /// Chunks in the trace, as far as they are intact.
  public private(set) var chunks = 0
  /// Tokens by stage; a stage that never occurs is absent.
  public private(set) var stages: [Stage: Int] = [:]
  /// Requests by task, where they are labelled.
  public private(set) var tasks: [String: Int] = [:]
  /// Compressed bytes read.
  public private(set) var bytes = 0
  /// Whether there are gate weights.
  public private(set) var isWeighted = false
  /// Tokens, events and slots without an expert.
  public private(set) var absent = AbsentRoutes()
  /// Whether the index at the end is there; a trace without one was cut short or is still being
  /// written.
  public private(set) var isComplete = false
  /// What was met in its frames that writers do not make.
  public private(set) var findings = FrameFindings()
  /// What is damaged, where something is; nothing behind it was read.
  public private(set) var damage: TraceError?

  /// Whether everything that was read is as it was written.
  public var isIntact: Bool { damage == nil }

  /// Reads the whole trace at `path`, `-` for standard input, whatever its frames.
  ///
  /// - Throws: ``TraceError`` where it cannot be opened or is no trace; damage further on is told,
  ///   not thrown.
  /// - Complexity: O(bytes of the trace) time; memory of one chunk.
  public init(of path: String) throws {
    let source = try TraceFile(path)
    var reader = try TraceReader(
      source, name: source.name, reading: TraceReading(framing: .any))
    try self.init(of: &reader)
  }

  /// Reads all that `reader` gives.
  ///
  /// - Parameter body: called with every intact block and the compressed bytes read up to its end;
  ///   what it throws ends the reading.
  /// - Throws: what `body` throws, and ``TraceError`` of kind `access`.
  /// - Complexity: O(bytes of the trace) time; memory of one chunk.
  public init<Source: ByteSource>(
    of reader: inout TraceReader<Source>,
    body: (TokenBlock, _ bytesRead: Int) throws -> Void = { _, _ in }
  ) throws {
    header = reader.header
    while true {
      let chunk: TraceChunk?
      do {
        chunk = try reader.next()
      } catch let error as TraceError where error.kind != .access {
        damage = error
        break
      }
      guard let chunk else {
        isComplete = reader.index != nil
        break
      }
      add(chunk.block)
      try body(chunk.block, reader.bytesRead)
    }
    bytes = reader.bytesRead
    findings = reader.findings
  }

  /// Counts a block's tokens, requests and labels.
  private mutating func add(_ block: TokenBlock) {
    chunks += 1
    tokens += block.tokens
    absent.add(block)
    isWeighted = isWeighted || block.weights != nil
    for run in block.runs {
      stages[run.stage, default: 0] += run.count
      if run.begins { requests += 1 }
    }
    for label in block.labels where !label.task.isEmpty { tasks[label.task, default: 0] += 1 }
  }
}
