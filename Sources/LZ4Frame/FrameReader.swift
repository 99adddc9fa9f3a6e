import CLZ4

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

  /// What was read of the source and not yet decoded.
  private var input: InputWindow<Source>
  /// What is hashed already of the content of the data frame read last: blocks are hashed on the
  /// way.
  public private(set) var hashed = PartialHash()
  /// A frame whose content grows beyond this is refused.
  public let maximumContent: Int

  /// Byte of the stream at which the next frame begins.
  public var offset: Int { input.offset }

  /// A reader at the beginning of `source`.
  ///
  /// - Parameters:
  ///   - source: the bytes of the frames.
  ///   - maximumContent: bytes one frame may decode to; 1 GiB unless told otherwise.
  public init(_ source: Source, maximumContent: Int = 1 << 30) {
    input = InputWindow(source)
    self.maximumContent = maximumContent
  }

  /// Goes on with the frame that begins at byte `offset` of the source.
  ///
  /// - Throws: what the source throws.
  public mutating func seek(to offset: Int) throws where Source: SeekableSource {
    try input.seek(to: offset)
  }

  /// Decodes the next frame into the front of `buffer`, which grows as needed and never shrinks.
  ///
  /// - Returns: the frame, or nil at the end of the stream.
  /// - Throws: ``LZ4FrameError``, or what the source throws. The reader is spent after that.
  /// - Complexity: O(bytes of the frame, packed and decoded).
  public mutating func next(into buffer: FrameBuffer) throws -> Frame? {
    let start = input.offset
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
    let start = input.offset
    guard try input.fill(1) else { return nil }
    // The first byte is looked at alone, so that a few bytes of something else are not taken for a
    // frame that was cut short.
    guard FrameFormat.begins(with: input.byte(0)) else {
      throw LZ4FrameError(.notAFrame, at: start, "not an LZ4 frame")
    }
    let magic = try word(start)
    if magic & ~15 == FrameFormat.skippableMagic {
      let count = Int(try word(start))
      guard count <= maximumContent else {
        throw LZ4FrameError(.tooLarge, at: start, "a skippable frame claims \(count) bytes")
      }
      try copyContent(count, to: buffer, start: start)
      return .skippable(variant: UInt8(magic & 15), count: count)
    }
    guard magic == FrameFormat.magic else {
      throw LZ4FrameError(.notAFrame, at: start, "not an LZ4 frame")
    }
    let header = try readHeader(start)
    let count = try decodeBlocks(header, into: buffer, start: start)
    if let expected = header.contentSize, expected != UInt64(count) {
      throw LZ4FrameError(
        .corrupt, at: start, "the frame holds \(count) bytes, its header says \(expected)")
    }
    let hasChecksum = header.flags & FrameFormat.contentChecksum != 0
    return .data(count: count, checksum: hasChecksum ? try word(start) : nil)
  }
}

extension FrameReader {
  /// What a frame's header says.
  private struct Header {
    var flags: UInt8
    var maximumBlock: Int
    var contentSize: UInt64?
  }

  /// Takes the header of the frame that begins at `start`, its checksum checked.
  private mutating func readHeader(_ start: Int) throws -> Header {
    try require(3, start)
    let flags = input.byte(0)
    let descriptor = input.byte(1)
    let reserved: UInt8 = 0b0000_0010
    guard flags & 0b1100_0000 == FrameFormat.versionBits, flags & reserved == 0,
      descriptor & 0b1000_1111 == 0,
      let maximumBlock = FrameFormat.maximumBlock(code: descriptor >> 4)
    else { throw LZ4FrameError(.unsupported, at: start, "an unknown version of LZ4 frames") }
    guard flags & FrameFormat.dictionaryID == 0 else {
      throw LZ4FrameError(.unsupported, at: start, "the frame needs a dictionary")
    }
    let hasSize = flags & FrameFormat.contentSize != 0
    let length = hasSize ? 10 : 2
    try require(length + 1, start)
    let checksum = input.withFront(length) { UInt8(truncatingIfNeeded: xxh32($0) >> 8) }
    guard checksum == input.byte(length) else {
      throw LZ4FrameError(.corrupt, at: start, "the frame header's checksum does not match")
    }
    let size =
      hasSize
      ? input.withFront(length) {
        UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
      } : nil
    input.drop(length + 1)
    if let size, size > UInt64(maximumContent) {
      throw LZ4FrameError(
        .tooLarge, at: start, "the frame claims \(size) bytes, more than \(maximumContent)")
    }
    return Header(flags: flags, maximumBlock: maximumBlock, contentSize: size)
  }

  /// Decodes a frame's blocks one after another; returns the bytes of the content.
  private mutating func decodeBlocks(
    _ header: Header, into buffer: FrameBuffer, start: Int
  ) throws -> Int {
    // A declared size is a bound to break, not one to allocate.
    let limit = min(maximumContent, header.contentSize.map { Int($0) } ?? .max)
    var count = 0
    var hashed = PartialHash()
    defer { self.hashed = hashed }
    while true {
      let size = try word(start)
      if size == 0 { return count }
      let stored = size & FrameFormat.storedBlock != 0
      let length = Int(size & ~FrameFormat.storedBlock)
      guard length <= header.maximumBlock else {
        throw LZ4FrameError(.corrupt, at: start, "a block is larger than its frame allows")
      }
      let checked = header.flags & FrameFormat.blockChecksum != 0
      try require(length + (checked ? 4 : 0), start)
      let room = min(header.maximumBlock, limit - count)
      let target = try buffer.room(count + room, frame: start)
      let linked = header.flags & FrameFormat.independentBlocks == 0
      let decoded = input.withFront(length) { block in
        Self.decode(
          block, stored: stored, linked: linked, into: target, at: count, room: room,
          hashed: &hashed)
      }
      guard decoded >= 0 else {
        throw limit == maximumContent && room < header.maximumBlock
          ? LZ4FrameError(.tooLarge, at: start, "the frame holds more than \(maximumContent) bytes")
          : LZ4FrameError(.corrupt, at: start, "a block does not decompress")
      }
      if checked {
        let actual = input.withFront(length) { xxh32($0) }
        input.drop(length)
        guard try word(start) == actual else {
          throw LZ4FrameError(.corrupt, at: start, "a block's checksum does not match")
        }
      } else {
        input.drop(length)
      }
      count += decoded
    }
  }

  /// Decodes one block to `buffer[at...]`, at most `room` bytes of which exist there.
  private static func decode(
    _ block: UnsafeRawBufferPointer, stored: Bool, linked: Bool,
    into buffer: UnsafeMutableRawBufferPointer, at: Int, room: Int, hashed: inout PartialHash
  ) -> Int {
    if stored {
      guard block.count <= room else { return -1 }
      UnsafeMutableRawBufferPointer(rebasing: buffer[at..<at + block.count]).copyMemory(from: block)
      return block.count
    }
    guard let base = buffer.baseAddress, let source = block.baseAddress else { return -1 }
    let target = (base + at).assumingMemoryBound(to: CChar.self)
    let bytes = source.assumingMemoryBound(to: CChar.self)
    guard linked, at > 0 else {
      if let count = BlockDecoder.decode(block, into: base, at: at, room: room, hashed: &hashed) {
        return count
      }
      return Int(LZ4_decompress_safe(bytes, target, Int32(block.count), Int32(room)))
    }
    let window = min(at, 65536)
    return Int(
      LZ4_decompress_safe_usingDict(
        bytes, target, Int32(block.count), Int32(room), target - window, Int32(window)))
  }

  /// Copies a skippable frame's content.
  private mutating func copyContent(_ count: Int, to buffer: FrameBuffer, start: Int) throws {
    var copied = 0
    while copied < count {
      let step = min(count - copied, 1 << 16)
      try require(step, start)
      let target = try buffer.room(copied + step, frame: start)
      input.withFront(step) { bytes in
        UnsafeMutableRawBufferPointer(rebasing: target[copied..<copied + step]).copyMemory(
          from: bytes)
      }
      input.drop(step)
      copied += step
    }
  }

  /// Takes four bytes, little-endian.
  private mutating func word(_ start: Int) throws -> UInt32 {
    try require(4, start)
    let value = input.withFront(4) {
      UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self))
    }
    input.drop(4)
    return value
  }

  /// Throws unless `count` bytes more are there.
  private mutating func require(_ count: Int, _ start: Int) throws {
    guard try input.fill(count) else {
      throw LZ4FrameError(.truncated, at: start, "the stream ends inside a frame")
    }
  }
}
