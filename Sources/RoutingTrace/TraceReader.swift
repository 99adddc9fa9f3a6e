import LZ4Frame

/// One chunk of a stream, and what identifies it there.
public struct TraceChunk: Sendable {
  /// The chunk's tokens and their expert ids.
  public let block: TokenBlock
  /// XXH32 of the chunk's payload, whatever its frame: the digest by which a resumed run recognises
  /// its trace.
  public let checksum: UInt32
  /// The chunk's ordinal in its stream, from 0.
  public let ordinal: Int
}

/// Reads a trace chunk by chunk, each checked whole before it is handed on.
///
/// ```swift
/// let file = try TraceFile("trace.moe.lz4")
/// var reader = try TraceReader(file, name: file.name)
/// while let chunk = try reader.next() {
///   print(chunk.ordinal, chunk.block.tokens, chunk.block.runs.count)
/// }
/// ```
///
/// One chunk is in memory at a time, and no chunk larger than ``TraceReading/maximumChunk`` is
/// accepted. Traces joined with `cat` read as one, as long as their shapes agree: requests of a
/// later part are numbered on from those before. Several files are read as one by a
/// ``TraceStream``.
public struct TraceReader<Source: ByteSource> {
  /// The name of the source in messages.
  public let name: String
  /// The first header: shape and provenance.
  public let header: TraceHeader
  /// The index of the part read last, once its end has been passed, or by which a range was found;
  /// nil before, and at the end where the trace was cut short.
  public internal(set) var index: TraceIndex?
  /// Chunks up to here: those handed on, and those before a range.
  public internal(set) var chunks = 0
  /// Compressed bytes taken so far.
  public var bytesRead: Int { payloads.bytesRead }
  /// What was met in its frames so far that writers do not make.
  public var findings: FrameFindings { payloads.findings }

  /// The headers, chunks and indices of the trace.
  var payloads: PayloadReader<Source>
  /// What is read of it, and how.
  private let reading: TraceReading
  /// What checking ids needs, made once for the shape.
  private let masks: SlotMasks<SIMD32<Int8>>
  /// Chunks of the part that is being read, of traces that were joined.
  var partChunks = 0
  /// Chunks of a range that are still to come; nil where all that follow are read.
  var chunksLeft: Int?
  /// Tokens of that part.
  private var partTokens = 0
  /// Requests begun in that part.
  private var partRequests = 0
  /// What the requests' next runs may be.
  private var order = RequestOrder()
  /// What is added to the request numbers of the part that is being read.
  private var requestBase: UInt64
  /// One more than the highest request number handed on.
  public private(set) var nextRequest: UInt64

  /// Reads the header.
  ///
  /// - Parameters:
  ///   - source: the bytes of the trace.
  ///   - name: what to call it in messages.
  ///   - firstRequest: added to all request numbers, where other traces came before.
  ///   - reading: what is read of it, and how.
  /// - Throws: ``TraceError``, or what the source throws.
  public init(
    _ source: Source, name: String, firstRequest: UInt64 = 0, reading: TraceReading = TraceReading()
  ) throws {
    self.name = name
    requestBase = firstRequest
    nextRequest = firstRequest
    self.reading = reading
    payloads = PayloadReader(
      source, framing: reading.framing, maximum: reading.maximumChunk)
    let head = try payloads.peek(8)
    guard !head.isEmpty else {
      throw TraceError(
        .truncated, file: name, problem: "it is empty",
        remedy: "give a trace, or import one with `moecast import`")
    }
    let first: PayloadReader<Source>.Payload?
    do {
      first = try payloads.next()
    } catch let error as LZ4FrameError {
      throw TraceError(error, file: name, chunk: nil, head: head)
    }
    guard case .data(let bytes, let checksum) = first,
      TraceHeader.magic.starts(with: bytes.prefix(TraceHeader.magic.count))
    else { throw TraceError.notATrace(name, head: head) }
    let offset = payloads.payloadOffset
    if let checksum, payloads.hashed.finish(bytes) != checksum {
      throw TraceError(
        LZ4FrameError.checksum(at: offset), file: name, chunk: nil, head: head)
    }
    try Self.checkLength(bytes, reading, name, chunk: nil, at: offset)
    do throws(PayloadError) {
      header = try TraceHeader(decoding: bytes, model: reading.model)
      masks = ChunkVerifier.masks(for: header.shape)
    } catch {
      throw TraceError(
        .corrupt, file: name, problem: "its header is damaged: \(error.problem)",
        remedy: error.remedy ?? "import the trace again")
    }
  }

  /// The next chunk, or nil at the end.
  ///
  /// - Throws: ``TraceError`` naming chunk and byte; the chunk is not handed on, and the reader is
  ///   spent.
  /// - Complexity: O(bytes of the chunk).
  public mutating func next() throws -> TraceChunk? {
    while chunksLeft != 0 {
      let payload: PayloadReader<Source>.Payload?
      do {
        payload = try payloads.next()
      } catch let error as LZ4FrameError {
        throw TraceError(error, file: name, chunk: chunks, head: [])
      }
      let offset = payloads.payloadOffset
      switch payload {
      case nil:
        return nil
      case .index(let bytes):
        try readIndex(bytes, at: offset)
      case .data(let bytes, let checksum):
        let pass = ChunkVerifier(
          bytes, shape: header.shape, masks: masks, hashed: payloads.hashed)
        if let checksum, pass.checksum != checksum {
          throw TraceError(
            LZ4FrameError.checksum(at: offset), file: name, chunk: chunks, head: [])
        }
        try Self.checkLength(bytes, reading, name, chunk: chunks, at: offset)
        if TraceHeader.isHeader(bytes) {
          try beginPart(bytes, at: offset)
          continue
        }
        let block = try decode(bytes, pass, at: offset)
        defer { chunks += 1 }
        chunksLeft = chunksLeft.map { $0 - 1 }
        return TraceChunk(block: block, checksum: pass.checksum, ordinal: chunks)
      }
    }
    return nil
  }
}

extension TraceReader {
  /// Throws where a frame's content is not as long as the payload that it begins with. One that
  /// begins with none is told of by those who decode it.
  private static func checkLength(
    _ content: UnsafeRawBufferPointer, _ reading: TraceReading, _ name: String, chunk: Int?,
    at offset: Int
  ) throws(TraceError) {
    // Others are cut by their own lengths.
    guard reading.framing == .framePerPayload else { return }
    let front = content.prefix(PayloadExtent.fields)
    let length = PayloadExtent.length(front)
    let isCut = front.count < PayloadExtent.fields && PayloadExtent.mayBegin(front)
    guard isCut || length.map({ $0 != content.count }) == true else { return }
    throw TraceError.reframed(
      name, chunk: chunk, offset: offset, length: length, count: content.count)
  }

  /// The block of a payload, checked against shape and order of requests.
  private mutating func decode(
    _ bytes: UnsafeRawBufferPointer, _ pass: ChunkVerifier, at offset: Int
  ) throws -> TokenBlock {
    let decoded: (block: TokenBlock, ordinal: UInt64)
    do throws(PayloadError) {
      decoded = try ChunkPayload.decode(
        bytes, pass: pass, shape: header.shape, readsWeights: reading.readsWeights)
    } catch {
      throw corrupt(error.problem, at: offset)
    }
    guard decoded.ordinal == UInt64(partChunks) else {
      throw corrupt(
        "chunk \(partChunks) should stand here, this is chunk \(decoded.ordinal)", at: offset)
    }
    do throws(BlockError) {
      try order.take(decoded.block.runs, labels: decoded.block.labels)
    } catch {
      throw corrupt("\(error)", at: offset)
    }
    partChunks += 1
    partTokens += decoded.block.tokens
    partRequests += decoded.block.runs.count(where: \.begins)
    return try renumber(decoded.block, at: offset)
  }

  /// Makes request numbers unique over the parts of the stream.
  private mutating func renumber(_ block: TokenBlock, at offset: Int) throws -> TokenBlock {
    for run in block.runs {
      let (number, overflow) = run.request.addingReportingOverflow(requestBase)
      guard !overflow, number < .max else {
        throw corrupt("request \(run.request) is numbered too high", at: offset)
      }
      nextRequest = max(nextRequest, number + 1)
    }
    return requestBase == 0 ? block : block.renumbered(by: requestBase)
  }

  /// Holds an index against what was read.
  private mutating func readIndex(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    guard TraceIndex.isIndex(bytes) else { return }
    let read: TraceIndex
    do throws(PayloadError) {
      read = try TraceIndex(decoding: bytes, checksum: { xxh32($0) })
    } catch {
      throw corrupt(error.problem, at: offset)
    }
    guard read.offsets.count == partChunks, read.tokens == partTokens,
      read.requests == partRequests
    else {
      throw corrupt(
        "the index counts \(read.offsets.count) chunks of \(read.tokens) tokens and "
          + "\(read.requests) requests, \(partChunks) of \(partTokens) and \(partRequests) were read",
        at: offset)
    }
    index = read
  }

  /// Begins with the header of a trace that was joined to the one before.
  private mutating func beginPart(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    let part: TraceHeader
    do throws(PayloadError) {
      part = try TraceHeader(decoding: bytes, model: reading.model)
    } catch {
      throw corrupt("a joined trace's header is damaged: \(error.problem)", at: offset)
    }
    guard part.shape.isCompatible(with: header.shape) else {
      throw TraceError(
        .shapeMismatch, file: name, chunk: chunks, offset: offset,
        problem: "a trace of another shape follows (\(part.shape))",
        remedy: "give traces of one model at a time, or \(TraceError.keeping)")
    }
    requestBase = nextRequest
    partChunks = 0
    partTokens = 0
    partRequests = 0
    order = RequestOrder()
    index = nil
  }

  /// The error of a damaged chunk.
  private func corrupt(_ problem: String, at offset: Int) -> TraceError {
    TraceError(
      .corrupt, file: name, chunk: chunks, offset: offset, problem: problem,
      remedy: "make the trace anew, or \(TraceError.keeping); nothing was learnt from this one")
  }
}

extension TokenBlock {
  /// The same block with `base` added to every request number, which the caller has checked.
  fileprivate func renumbered(by base: UInt64) -> TokenBlock {
    TokenBlock(
      unchecked: self,
      runs: runs.map {
        var run = $0
        run.request += base
        return run
      },
      labels: labels.map {
        RequestLabel(request: $0.request &+ base, name: $0.name, task: $0.task)
      })
  }
}
