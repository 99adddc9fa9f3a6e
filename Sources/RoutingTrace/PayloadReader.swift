import LZ4Frame

/// How the payloads of a trace, its header and its chunks, are told apart.
public enum PayloadFraming: Sendable {
  /// Each is the content of one frame, as writers make it: a chunk is handed on when its frame was
  /// verified whole.
  case framePerPayload
  /// By their own lengths, in whatever frames they lie: compressed again as one frame, split,
  /// joined. The checksum of a frame that holds several is reached only behind them.
  case any
}

/// What was met in a trace's frames that writers do not make, and that takes from what a reader can
/// vouch for.
public struct FrameFindings: Hashable, Sendable {
  /// A frame has no checksum, neither of its content nor of its blocks: what it holds is held
  /// against the container's rules only, which many a flipped bit does not break.
  public internal(set) var lacksChecksums = false
  /// Payloads lie in other frames than one each.
  public internal(set) var isRecut = false

  /// Nothing was met.
  public init() {}
}

/// The payloads of a trace, one after another, with the indices between them.
struct PayloadReader<Source: ByteSource> {
  /// What comes next, in bytes that are valid until the one after it is read.
  enum Payload {
    /// A header or a chunk, and the checksum to hold it against where its frame has one.
    case data(UnsafeRawBufferPointer, checksum: UInt32?)
    case index(UnsafeRawBufferPointer)
  }

  /// What was met so far.
  private(set) var findings = FrameFindings()
  /// Byte of the trace at which the frame begins that the payload read last begins in.
  private(set) var payloadOffset = 0
  /// Where frames are decoded, or an index is held.
  private let buffer = FrameBuffer()
  /// Bytes that a payload may have.
  private let maximum: Int
  /// Reads frames that are payloads; nil where payloads are cut out of whatever frames there are.
  private var frames: FrameReader<Source>?
  private var contents: ContentReader<Source>?

  /// A reader at the beginning of `source`.
  init(_ source: Source, framing: PayloadFraming, maximum: Int) {
    self.maximum = maximum
    switch framing {
    case .framePerPayload: frames = FrameReader(source, maximumContent: maximum)
    case .any: contents = ContentReader(source, variant: TraceIndex.variant)
    }
  }

  /// Bytes of the trace that were taken.
  var bytesRead: Int { frames?.offset ?? contents?.offset ?? 0 }
  /// What is hashed already of the payload read last.
  var hashed: PartialHash { frames?.hashed ?? PartialHash() }

  /// The first bytes of the trace, `count` or as many as there are, which stay to be read.
  mutating func peek(_ count: Int) throws -> [UInt8] {
    try frames?.peek(count) ?? contents?.peek(count) ?? []
  }

  /// Goes on with the frame at byte `offset`, of traces that are framed as writers do.
  mutating func seek(to offset: Int) throws where Source: SeekableSource {
    try frames?.seek(to: offset)
  }

  /// The next payload or index; nil at the end. Skippable frames of others are passed over.
  ///
  /// A payload's checksum is not looked at yet where one is given: the caller hashes its bytes.
  ///
  /// - Throws: ``LZ4FrameError``, or what the source throws.
  mutating func next() throws -> Payload? {
    guard contents == nil else { return try nextCut() }
    let buffer = buffer
    while true {
      payloadOffset = bytesRead
      switch try frames?.nextUnhashed(into: buffer) {
      case nil: return nil
      case .skippable(TraceIndex.variant, let count): return .index(buffer.bytes(count))
      case .skippable, .data(0, _): continue
      case .data(let count, let checksum):
        findings.lacksChecksums = frames?.lacksChecksums == true
        return .data(buffer.bytes(count), checksum: checksum)
      }
    }
  }

  /// The same, with payloads cut by their own lengths.
  private mutating func nextCut() throws -> Payload? {
    guard var contents else { return nil }
    // One owner of what the reader holds, or every change would copy it.
    self.contents = nil
    defer {
      findings.lacksChecksums = contents.lacksChecksums
      self.contents = contents
    }
    while true {
      let begun = contents.available > 0 ? contents.frameOffset : nil
      let next = try contents.fill(PayloadExtent.fields)
      payloadOffset = begun ?? contents.frameOffset
      switch next {
      case .content: break
      case .skippable(let index) where contents.available == 0:
        try index.withUnsafeBytes { try buffer.hold($0, frame: contents.offset) }
        return .index(buffer.bytes(index.count))
      case .skippable: continue
      case .end where contents.available == 0: return nil
      case .end:
        guard PayloadExtent.mayBegin(contents.front(contents.available)) else {
          throw LZ4FrameError(.notAFrame, at: payloadOffset, "no chunk begins there")
        }
        throw cutShort()
      }
      break
    }
    let startsFrame = contents.isAtFrameStart
    guard let count = PayloadExtent.length(contents.front(PayloadExtent.fields)) else {
      throw LZ4FrameError(.notAFrame, at: payloadOffset, "no chunk begins there")
    }
    guard count <= maximum else {
      throw LZ4FrameError(
        .tooLarge, at: payloadOffset, "a chunk claims \(count) bytes, more than \(maximum)")
    }
    while contents.available < count {
      if try contents.fill(count) == .end { throw cutShort() }
    }
    try contents.endFrame()
    let payload = contents.take(count)
    findings.isRecut = findings.isRecut || !(startsFrame && contents.isAtFrameEnd)
    return .data(payload, checksum: nil)
  }

  private func cutShort() -> LZ4FrameError {
    LZ4FrameError(.truncated, at: payloadOffset, "the stream ends inside a chunk")
  }
}
