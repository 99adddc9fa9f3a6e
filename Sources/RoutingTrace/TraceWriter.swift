import LZ4Frame

/// Writes a trace: a header frame, a frame a chunk, an index behind.
///
/// ```swift
/// var writer = try TraceWriter(MemorySink(), header: TraceHeader(shape: shape))
/// for request in requests { try writer.append(request) }   // RequestTrace values
/// try writer.finish()
/// print(writer.index.tokens, writer.sink.bytes.count)
/// ```
///
/// Tokens arrive in any interleaving of requests; a chunk is written when it holds `chunkTokens`.
/// The same calls give the same bytes. A trace that was not finished lacks its index, and readers
/// say so.
public struct TraceWriter<Sink: ByteSink> {
  /// The header that was written.
  public let header: TraceHeader
  /// Totals so far; its offsets are those of the chunks written.
  public private(set) var index = TraceIndex()
  /// Bytes written so far.
  public var bytesWritten: Int { frames.offset }
  /// XXH32 of the payload of the chunk that was written last, by which readers know it again.
  ///
  /// - Complexity: O(bytes of the payload).
  public var checksumOfLastChunk: UInt32 { payload.withUnsafeBytes { xxh32($0) } }
  /// Where the trace goes.
  public var sink: Sink { frames.sink }

  /// Tokens of a full chunk, unless told otherwise.
  public static var usualChunkTokens: Int { 4096 }

  /// Writes the LZ4 frames.
  private var frames: FrameWriter<Sink>
  /// Tokens of a full chunk.
  private let chunkTokens: Int
  /// Bytes of runs and labels after which a chunk is full, however few its tokens.
  private static var fullFields: Int { 1 << 24 }
  /// The tokens that wait for a full chunk.
  private var pending = PendingChunk()
  /// Room for the payload of a chunk, kept from chunk to chunk.
  private var payload: [UInt8] = []
  /// The number of the next request that is appended whole.
  private var nextRequest: UInt64 = 0
  /// What the requests' next runs may be.
  private var order = RequestOrder()

  /// Writes the header at once.
  ///
  /// - Parameters:
  ///   - sink: where the trace goes.
  ///   - header: shape and provenance.
  ///   - chunkTokens: tokens a chunk, fewer where they take more than
  ///     ``TokenBlock/largestPayload``; 4,096 to 16,384 learn fastest.
  ///   - level: 0 for fast compression, 3 to 12 for LZ4 HC.
  /// - Throws: what the sink throws.
  public init(
    _ sink: Sink, header: TraceHeader, chunkTokens: Int = usualChunkTokens, level: Int = 0
  ) throws {
    self.header = header
    self.chunkTokens = max(1, chunkTokens)
    frames = FrameWriter(sink, level: level)
    try frames.writeData(header.encoded())
  }

  /// Appends a whole request and gives it the next number.
  ///
  /// - Throws: ``BlockError`` where its ids cannot come from the shape's router, or what the sink
  ///   throws.
  /// - Complexity: O(ids).
  public mutating func append(_ request: RequestTrace) throws {
    let number = nextRequest
    let perToken = header.shape.idsPerToken
    let tokens = request.ids.count / perToken
    guard request.ids.count % perToken == 0, (0...tokens).contains(request.prefill) else {
      throw BlockError(
        problem: "request \(number) has \(request.ids.count) ids, not a multiple of \(perToken)")
    }
    let prefill = request.prefill
    let label = RequestLabel(request: number, name: request.name, task: request.task)
    if prefill > 0 || tokens == 0 {
      try append(
        TokenRun(
          request: number, stage: .prefill, firstToken: 0, count: prefill,
          endsRequest: prefill == tokens),
        label: label, ids: request.ids[..<(prefill * perToken)],
        weights: request.weights?[..<(prefill * perToken)])
    }
    if prefill < tokens {
      try append(
        TokenRun(
          request: number, stage: .decode, firstToken: prefill, count: tokens - prefill,
          endsRequest: true),
        label: prefill == 0 ? label : nil, ids: request.ids[(prefill * perToken)...],
        weights: request.weights?[(prefill * perToken)...])
    }
  }

  /// Appends a run of tokens of one request, which may be one of many under way.
  ///
  /// - Parameters:
  ///   - label: the request's name and task, with its first run.
  ///   - ids: token-major, `run.count * layers * topK`.
  ///   - weights: beside the ids; either every run of a trace has them or none.
  /// - Throws: ``BlockError`` where a reader would refuse the run, which is not taken then; ids and
  ///   weights are looked at when their chunk is written, and nothing more is written after a fault
  ///   in them.
  /// - Complexity: O(ids).
  public mutating func append(
    _ run: TokenRun, label: RequestLabel? = nil, ids: ArraySlice<UInt16>,
    weights: ArraySlice<Float16>? = nil
  ) throws {
    let perToken = header.shape.idsPerToken
    guard run.hasPossiblePositions, ids.count == run.count * perToken,
      weights == nil || weights?.count == ids.count
    else {
      throw BlockError(problem: "\(ids.count) ids for \(run.count) tokens of \(perToken) each")
    }
    guard (weights != nil) == pending.weighted || pending.tokens == 0 else {
      throw BlockError(problem: "some tokens have gate weights and some have none")
    }
    let labels = [label].compactMap(\.self).filter { !$0.name.isEmpty || !$0.task.isEmpty }
    try order.take([run], labels: labels)
    pending.weighted = weights != nil
    pending.append(labels)
    if run.begins { index.requests += 1 }
    nextRequest = max(nextRequest, run.request + 1)
    let chunkTokens = tokensOfFullChunk(weighted: weights != nil)
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
      if pending.tokens >= chunkTokens || pending.bytesOfFields >= Self.fullFields { try flush() }
    } while taken < run.count
  }

  /// Tokens of a full chunk: as many as were asked for, or fewer where they could pass
  /// ``TokenBlock/largestPayload``.
  private func tokensOfFullChunk(weighted: Bool) -> Int {
    let shape = header.shape
    let id = (ChunkPayload.isNarrow(shape, isFull: false) ? 1 : 2) + (weighted ? 2 : 0)
    // Twice the bound on runs and labels: a chunk is full when they pass it, and the last label may
    // pass it by its own length.
    let room = TokenBlock.largestPayload - 2 * Self.fullFields
    return max(1, min(chunkTokens, room / (id * shape.idsPerToken)))
  }

  /// Appends a block as a chunk of its own, whatever its tokens; a chunk read from another trace
  /// keeps its checksum where it keeps its place. One that would pass ``TokenBlock/largestPayload``
  /// is written in several.
  ///
  /// - Throws: ``BlockError`` where the block is of another shape or a reader would refuse it, or
  ///   what the sink throws.
  /// - Complexity: O(ids).
  public mutating func append(_ block: TokenBlock) throws {
    guard block.shape.isCompatible(with: header.shape) else {
      throw BlockError(problem: "the block has \(block.shape), the trace \(header.shape)")
    }
    try flush()
    guard ChunkPayload.size(of: block) <= TokenBlock.largestPayload else {
      return try appendInParts(block)
    }
    try order.take(block.runs, labels: block.labels)
    for run in block.runs {
      if run.begins { index.requests += 1 }
      nextRequest = max(nextRequest, run.request + 1)
    }
    try write(block)
  }

  /// Writes a block that is too large for one chunk as several.
  private mutating func appendInParts(_ block: TokenBlock) throws {
    var order = order
    try order.take(block.runs, labels: block.labels)
    try appendRuns(of: block)
    try flush()
  }

  /// Appends a block's runs to the tokens that wait for a full chunk, wherever the block's own
  /// chunk ended.
  ///
  /// - Throws: as ``append(_:label:ids:weights:)``; of several runs those before the one named are
  ///   taken.
  /// - Complexity: O(ids).
  public mutating func appendRuns(of block: TokenBlock) throws {
    guard block.shape.isCompatible(with: header.shape) else {
      throw BlockError(problem: "the block has \(block.shape), the trace \(header.shape)")
    }
    // A chunk has weights or none.
    if pending.weighted != (block.weights != nil) { try flush() }
    var labels = Dictionary(block.labels.map { ($0.request, $0) }) { first, _ in first }
    var first = 0
    for run in block.runs {
      var taken = 0
      repeat {
        var part = run
        part.firstToken += taken
        part.count = min(run.count - taken, chunkTokens)
        let tokens = first + taken..<first + taken + part.count
        taken += part.count
        part.endsRequest = run.endsRequest && taken == run.count
        try append(
          part, label: labels.removeValue(forKey: run.request),
          ids: block.tokenMajor(block.ids, tokens)[...],
          weights: block.weights.map { block.tokenMajor($0, tokens)[...] })
      } while taken < run.count
      first += run.count
    }
  }

  /// Writes the tokens that wait for a full chunk as a chunk of their own, such as for a reader
  /// that follows the trace.
  ///
  /// - Throws: ``BlockError`` where they are no router's, or what the sink throws.
  /// - Complexity: O(ids that wait).
  public mutating func flush() throws {
    guard !pending.runs.isEmpty else { return }
    payload.removeAll(keepingCapacity: true)
    try pending.encode(header.shape, ordinal: index.offsets.count, into: &payload)
    try writePayload(tokens: pending.tokens)
    pending.removeAll()
  }

  /// Writes a block as a chunk.
  private mutating func write(_ block: TokenBlock) throws {
    payload.removeAll(keepingCapacity: true)
    ChunkPayload.encode(block, ordinal: index.offsets.count, into: &payload)
    try writePayload(tokens: block.tokens)
  }

  /// Writes the payload as a frame, and notes it in the index.
  private mutating func writePayload(tokens: Int) throws {
    index.offsets.append(frames.offset)
    index.tokens += tokens
    try frames.writeData(payload)
  }

  /// Writes what waits, and the index. Nothing may be appended after it.
  ///
  /// - Throws: ``BlockError`` where what waits is no router's, or what the sink throws.
  public mutating func finish() throws {
    try flush()
    try frames.writeSkippable(
      variant: TraceIndex.variant, index.encoded(checksum: { xxh32($0) }))
  }
}
