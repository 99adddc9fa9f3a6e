import LZ4Frame

/// Writes a trace: a header frame, a frame a chunk, an index behind.
///
/// Tokens arrive in any interleaving of requests; a chunk is written when it holds `chunkTokens`.
/// The same calls give the same bytes.
public struct TraceWriter<Sink: ByteSink> {
  /// The header that was written.
  public let header: TraceHeader
  /// Totals so far; its offsets are those of the chunks written.
  public private(set) var index = TraceIndex()
  /// Bytes written so far.
  public var bytesWritten: Int { frames.offset }
  /// Where the trace goes.
  public var sink: Sink { frames.sink }

  private var frames: FrameWriter<Sink>
  private let chunkTokens: Int
  private var pending = PendingChunk()
  private var payload: [UInt8] = []
  private var nextRequest: UInt64 = 0

  /// Writes the header at once.
  ///
  /// - Parameters:
  ///   - chunkTokens: tokens a chunk; 4,096 to 16,384 learn fastest.
  ///   - level: 0 for fast compression, 3 to 12 for LZ4 HC.
  public init(
    _ sink: Sink, header: TraceHeader, chunkTokens: Int = 4096, level: Int = 0
  ) throws {
    self.header = header
    self.chunkTokens = max(1, chunkTokens)
    frames = FrameWriter(sink, level: level)
    try frames.writeData(header.encoded())
  }

  /// Appends a whole request and numbers it.
  ///
  /// - Throws: ``BlockError`` where its ids cannot come from the shape's router, or what the sink
  ///   throws.
  public mutating func append(_ request: RequestTrace) throws {
    let number = nextRequest
    let perToken = header.shape.idsPerToken
    let tokens = request.ids.count / perToken
    guard request.ids.count % perToken == 0, (0...tokens).contains(request.prefill) else {
      throw BlockError(
        problem: "request \(number) has \(request.ids.count) ids, not a multiple of \(perToken)")
    }
    let prefill = request.prefill
    try append(
      TokenRun(
        request: number, stage: .prefill, firstToken: 0, count: prefill,
        endsRequest: prefill == tokens),
      label: RequestLabel(request: number, name: request.name, task: request.task),
      ids: request.ids[..<(prefill * perToken)],
      weights: request.weights?[..<(prefill * perToken)])
    if prefill < tokens {
      try append(
        TokenRun(
          request: number, stage: .decode, firstToken: prefill, count: tokens - prefill,
          endsRequest: true),
        ids: request.ids[(prefill * perToken)...],
        weights: request.weights?[(prefill * perToken)...])
    }
  }

  /// Appends a run of tokens of one request, which may be one of many under way.
  ///
  /// - Parameters:
  ///   - label: the request's name and task, with its first run.
  ///   - ids: token-major, `run.count * layers * topK`.
  ///   - weights: beside the ids; either every run of a trace has them or none.
  public mutating func append(
    _ run: TokenRun, label: RequestLabel? = nil, ids: ArraySlice<UInt16>,
    weights: ArraySlice<Float16>? = nil
  ) throws {
    let perToken = header.shape.idsPerToken
    guard ids.count == run.count * perToken, weights == nil || weights?.count == ids.count else {
      throw BlockError(problem: "\(ids.count) ids for \(run.count) tokens of \(perToken) each")
    }
    guard (weights != nil) == pending.weighted || pending.tokens == 0 else {
      throw BlockError(problem: "some tokens have gate weights and some have none")
    }
    pending.weighted = weights != nil
    if let label, !label.name.isEmpty || !label.task.isEmpty { pending.labels.append(label) }
    if run.begins { index.requests += 1 }
    nextRequest = max(nextRequest, run.request + 1)
    var taken = 0
    repeat {
      let count = min(run.count - taken, chunkTokens - pending.tokens)
      let last = taken + count == run.count
      var part = run
      part.firstToken += taken
      part.count = count
      part.endsRequest = run.endsRequest && last
      let from = ids.startIndex + taken * perToken
      let range = from..<from + count * perToken
      pending.append(
        part, ids: ids[range], weights: weights?[range], room: chunkTokens * perToken)
      taken += count
      if pending.tokens >= chunkTokens { try flush() }
    } while taken < run.count
  }

  /// Appends a block as a chunk of its own, whatever its size; a chunk read from another trace keeps
  /// its checksum where it keeps its place.
  ///
  /// - Throws: ``BlockError`` where the block is of another shape, or what the sink throws.
  public mutating func append(_ block: TokenBlock) throws {
    guard block.shape.isCompatible(with: header.shape) else {
      throw BlockError(problem: "the block has \(block.shape), the trace \(header.shape)")
    }
    try flush()
    for run in block.runs {
      if run.begins { index.requests += 1 }
      nextRequest = max(nextRequest, run.request + 1)
    }
    try write(block)
  }

  /// Writes the tokens that wait for a full chunk as a chunk of their own.
  public mutating func flush() throws {
    guard !pending.runs.isEmpty else { return }
    payload.removeAll(keepingCapacity: true)
    try pending.encode(header.shape, ordinal: index.offsets.count, into: &payload)
    try writePayload(tokens: pending.tokens)
    pending.removeAll()
  }

  private mutating func write(_ block: TokenBlock) throws {
    payload.removeAll(keepingCapacity: true)
    ChunkPayload.encode(block, ordinal: index.offsets.count, into: &payload)
    try writePayload(tokens: block.tokens)
  }

  private mutating func writePayload(tokens: Int) throws {
    index.offsets.append(frames.offset)
    index.tokens += tokens
    try frames.writeData(payload)
  }

  /// Writes what waits and the index. Nothing may be appended after it.
  public mutating func finish() throws {
    try flush()
    try frames.writeSkippable(
      variant: TraceIndex.variant, index.encoded(checksum: { xxh32($0) }))
  }
}
