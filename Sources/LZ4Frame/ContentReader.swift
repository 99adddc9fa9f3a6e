/// Reads what the data frames of a stream hold as one run of bytes, wherever its frames and blocks
/// end.
///
/// ```swift
/// var reader = ContentReader(MemorySource(bytes))
/// while try reader.fill(8) == .content { use(reader.take(8)) }
/// ```
///
/// For content that was cut into other frames than its writer made: compressed again as one frame,
/// or joined and split. A ``FrameReader`` gives a frame when it was verified whole; here bytes are
/// given before the checksum of their frame is reached, which is looked at as soon as it is.
/// Memory: what is asked for at once, a block, and the 64 KiB that linked blocks reach back.
public struct ContentReader<Source: ByteSource> {
  /// What comes next.
  public enum Next: Hashable, Sendable {
    /// As many bytes as were asked for.
    case content
    /// Fewer: a skippable frame of the kind that is asked about stands before the next; its bytes.
    case skippable([UInt8])
    /// Fewer: the stream ends.
    case end
  }

  /// Bytes that were filled in and not taken.
  public var available: Int { end - first }
  /// Byte of the stream at which the frame begins that was reached last.
  public private(set) var frameOffset = 0
  /// Bytes of the stream that were read.
  public var offset: Int { parser.input.offset }
  /// Whether a frame with content had no checksum, neither of its content nor of its blocks.
  public private(set) var lacksChecksums = false
  /// Whether the bytes available are the front of a frame.
  public var isAtFrameStart: Bool { frameCount == available }
  /// Whether nothing of a frame is left.
  public var isAtFrameEnd: Bool { header == nil && available == 0 }

  private var parser: FrameParser<Source>
  /// The low four bits of the magic number of skippable frames that are asked about.
  private let variant: UInt8
  /// What was decoded: bytes from ``first`` on are waiting, those before are history.
  private let window = FrameBuffer()
  private var first = 0
  private var end = 0
  /// The header of the frame that is open.
  private var header: FrameHeader?
  /// Bytes decoded of that frame, or of the last one.
  private var frameCount = 0
  /// What is hashed of that frame, its count by the window.
  private var hashed = PartialHash()

  /// Bytes of history that are dropped at once.
  private static var slack: Int { 1 << 20 }
  /// Bytes of a skippable frame up to which it is told of.
  private static var largestSkippable: Int { 1 << 28 }

  /// A reader at the beginning of `source`.
  ///
  /// - Parameter variant: which skippable frames are told of, 0 to 15; others are passed over.
  public init(_ source: Source, variant: UInt8 = 0) {
    parser = FrameParser(input: InputWindow(source))
    self.variant = variant
  }

  /// The next bytes of the stream itself, as they stand before anything is decoded.
  ///
  /// - Throws: what the source throws.
  public mutating func peek(_ count: Int) throws -> [UInt8] { try parser.input.peek(count) }

  /// Makes at least `count` bytes available.
  ///
  /// - Throws: ``LZ4FrameError``, or what the source throws. The reader is spent after that.
  /// - Complexity: O(bytes of the blocks that are decoded).
  public mutating func fill(_ count: Int) throws -> Next {
    while available < count {
      if let header {
        try decodeBlock(header)
      } else if let next = try beginFrame() {
        return next
      }
    }
    return .content
  }

  /// Goes to the end of the frame, and looks at its checksum, where no more content follows in it.
  ///
  /// - Throws: as ``fill(_:)``.
  public mutating func endFrame() throws {
    while let header, try parser.input.fill(4), parser.input.withFront(4, { $0.allZero }) {
      try decodeBlock(header)
    }
  }

  /// Takes `count` bytes, which a ``fill(_:)`` has made available; valid until the next call.
  public mutating func take(_ count: Int) -> UnsafeRawBufferPointer {
    let bytes = UnsafeRawBufferPointer(rebasing: front(count))
    first += count
    return bytes
  }

  /// The first `count` of the bytes available; valid until the next call.
  public func front(_ count: Int) -> UnsafeRawBufferPointer.SubSequence {
    window.bytes(end)[first..<first + count]
  }
}

extension ContentReader {
  /// Opens the next frame; says what is in its way.
  private mutating func beginFrame() throws -> Next? {
    let start = offset
    switch try parser.begin() {
    case nil: return .end
    case .skippable(let variant, let count):
      var content: [UInt8] = []
      // None that is worth reading is larger, and its bytes are held.
      let isAsked = variant == self.variant && count <= Self.largestSkippable
      try parser.take(count, start: start) { bytes, _ in if isAsked { content += bytes } }
      return isAsked ? .skippable(content) : nil
    case .data(let header):
      self.header = header
      frameOffset = start
      frameCount = 0
      hashed = PartialHash(hash: XXH32(), count: end)
      return nil
    }
  }

  /// Decodes a block behind what is available, or closes the frame.
  private mutating func decodeBlock(_ header: FrameHeader) throws {
    makeRoom()
    let size = header.contentSize.map { Int(clamping: $0) } ?? .max
    switch try parser.decodeBlock(
      header, into: window, at: end, history: frameCount, limit: size - frameCount,
      hashed: &hashed, start: frameOffset)
    {
    case .broken: throw LZ4FrameError.block(at: frameOffset)
    case .decoded(let count):
      end += count
      frameCount += count
      lacksChecksums = lacksChecksums || (count > 0 && !header.hasChecksums)
      hashed.advance(to: end, in: window.bytes(end))
    case .end:
      if let expected = header.contentSize, expected != UInt64(frameCount) {
        throw LZ4FrameError.size(frameCount, expected, at: frameOffset)
      }
      let rest = UnsafeRawBufferPointer(rebasing: window.bytes(end)[hashed.count...])
      if header.hasContentChecksum,
        try parser.word(frameOffset) != hashed.hash.finish(rest, count: frameCount)
      {
        throw LZ4FrameError.checksum(at: frameOffset)
      }
      self.header = nil
    }
  }

  /// Moves the window's content to its front where enough of it is not needed any more.
  private mutating func makeRoom() {
    let kept = min(first, hashed.count, max(0, end - FrameFormat.linkedWindow))
    guard kept >= Self.slack else { return }
    window.drop(kept, of: end)
    first -= kept
    end -= kept
    hashed.count -= kept
  }
}

extension UnsafeRawBufferPointer {
  /// Whether no bit is set.
  fileprivate var allZero: Bool { allSatisfy { $0 == 0 } }
}
