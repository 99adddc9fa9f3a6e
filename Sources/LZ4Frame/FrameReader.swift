/// Reads a stream of LZ4 frames (frame format 1.6.3), each verified whole before it is handed on.
///
/// ```swift
/// var reader = FrameReader(MemorySource(bytes), maximumContent: 1 << 20)
/// let buffer = FrameBuffer()
/// while let frame = try reader.next(into: buffer) {
///   if case .data(let count, _) = frame { print(buffer.bytes(count).count, reader.offset) }
/// }
/// ```
///
/// Memory is bounded by the largest frame seen, and that by `maximumContent`: the declared content
/// size is never allocated, only checked against what was decoded. Independent and linked blocks,
/// block and content checksums and skippable frames are read; dictionaries are not.
public struct FrameReader<Source: ByteSource> {
  /// What a frame was.
  public enum Frame: Hashable, Sendable {
    /// A data frame; its content is the first `count` bytes of the buffer, its checksum that of the
    /// content where it has one.
    case data(count: Int, checksum: UInt32?)
    /// A skippable frame with the low four bits of its magic number; its content likewise.
    case skippable(variant: UInt8, count: Int)
  }

  /// The frames as they stand.
  private var parser: FrameParser<Source>
  /// What is hashed already of the content of the data frame read last: blocks are hashed on the
  /// way.
  public private(set) var hashed = PartialHash()
  /// Whether a frame with content had no checksum, neither of its content nor of its blocks.
  public private(set) var lacksChecksums = false
  /// A frame whose content grows beyond this is refused.
  public let maximumContent: Int

  /// Byte of the stream at which the next frame begins.
  public var offset: Int { parser.input.offset }

  /// A reader at the beginning of `source`.
  ///
  /// - Parameters:
  ///   - source: the bytes of the frames.
  ///   - maximumContent: bytes one frame may decode to; 1 GiB unless told otherwise.
  public init(_ source: Source, maximumContent: Int = 1 << 30) {
    parser = FrameParser(input: InputWindow(source))
    self.maximumContent = maximumContent
  }

  /// Goes on with the frame that begins at byte `offset` of the source.
  ///
  /// - Throws: what the source throws.
  public mutating func seek(to offset: Int) throws where Source: SeekableSource {
    try parser.input.seek(to: offset)
  }

  /// The next bytes, `count` or as many as there are, which stay to be read.
  ///
  /// - Throws: what the source throws.
  public mutating func peek(_ count: Int) throws -> [UInt8] { try parser.input.peek(count) }

  /// Decodes the next frame into the front of `buffer`, which grows as needed and never shrinks.
  ///
  /// - Returns: the frame, or nil at the end of the stream.
  /// - Throws: ``LZ4FrameError``, or what the source throws. The reader is spent after that.
  /// - Complexity: O(bytes of the frame, packed and decoded).
  public mutating func next(into buffer: FrameBuffer) throws -> Frame? {
    let start = offset
    let frame = try nextUnhashed(into: buffer)
    if case .data(let count, let expected?) = frame, hashed.finish(buffer.bytes(count)) != expected
    {
      throw LZ4FrameError.checksum(at: start)
    }
    return frame
  }

  /// The same for one who hashes the rest of the content after ``hashed`` on the way, as a reader
  /// of traces does while it looks at the bytes anyway. Checksums are as the frame has them; the
  /// caller throws ``LZ4FrameError/checksum(at:)`` where one does not match.
  ///
  /// - Throws: ``LZ4FrameError``, or what the source throws. The reader is spent after that.
  public mutating func nextUnhashed(into buffer: FrameBuffer) throws -> Frame? {
    let start = offset
    switch try parser.begin() {
    case nil: return nil
    case .skippable(let variant, let count):
      guard count <= maximumContent else {
        throw LZ4FrameError(.tooLarge, at: start, "a skippable frame claims \(count) bytes")
      }
      try parser.take(count, start: start) { bytes, at in
        let target = try buffer.room(at + bytes.count, frame: start)
        UnsafeMutableRawBufferPointer(rebasing: target[at..<at + bytes.count]).copyMemory(
          from: bytes)
      }
      return .skippable(variant: variant, count: count)
    case .data(let header):
      if let size = header.contentSize, size > UInt64(maximumContent) {
        throw LZ4FrameError(
          .tooLarge, at: start, "the frame claims \(size) bytes, more than \(maximumContent)")
      }
      let count = try decodeBlocks(header, into: buffer, start: start)
      if let expected = header.contentSize, expected != UInt64(count) {
        throw LZ4FrameError.size(count, expected, at: start)
      }
      lacksChecksums = lacksChecksums || (count > 0 && !header.hasChecksums)
      return .data(
        count: count, checksum: header.hasContentChecksum ? try parser.word(start) : nil)
    }
  }

  /// Decodes a frame's blocks one after another; returns the bytes of the content.
  private mutating func decodeBlocks(
    _ header: FrameHeader, into buffer: FrameBuffer, start: Int
  ) throws -> Int {
    // A declared size is a bound to break, not one to allocate.
    let limit = min(maximumContent, header.contentSize.map { Int($0) } ?? .max)
    var count = 0
    var hashed = PartialHash()
    defer { self.hashed = hashed }
    while true {
      switch try parser.decodeBlock(
        header, into: buffer, at: count, history: count, limit: limit - count, hashed: &hashed,
        start: start)
      {
      case .end: return count
      case .decoded(let bytes): count += bytes
      case .broken:
        throw limit == maximumContent && limit - count < header.maximumBlock
          ? LZ4FrameError(.tooLarge, at: start, "the frame holds more than \(maximumContent) bytes")
          : LZ4FrameError.block(at: start)
      }
    }
  }
}
