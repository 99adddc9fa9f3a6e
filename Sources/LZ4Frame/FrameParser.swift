import CLZ4

/// What the header of a data frame says.
struct FrameHeader {
  /// The FLG byte.
  var flags: UInt8
  /// Bytes that a block may decode to.
  var maximumBlock: Int
  /// Bytes of the whole content, where it is told.
  var contentSize: UInt64?

  /// Whether a checksum of the content follows the blocks.
  var hasContentChecksum: Bool { flags & FrameFormat.contentChecksum != 0 }
  /// Whether the content is covered by a checksum, its own or those of the blocks.
  var hasChecksums: Bool { flags & (FrameFormat.contentChecksum | FrameFormat.blockChecksum) != 0 }
}

/// Takes frames apart: headers, blocks, checksums as they stand. What is held in memory and what a
/// checksum means is for the readers built on it.
struct FrameParser<Source: ByteSource> {
  /// What was read of the source and not yet decoded.
  var input: InputWindow<Source>

  /// What a frame is, as its first bytes tell.
  enum Beginning {
    case data(FrameHeader)
    /// A skippable frame of `count` bytes, none of which is taken yet.
    case skippable(variant: UInt8, count: Int)
  }

  /// What became of a block.
  enum Block {
    case decoded(Int)
    /// It does not decompress to as many bytes as there is room for.
    case broken
    /// There is none: the frame's blocks are at their end.
    case end
  }

  /// Takes what stands before the content of the next frame; nil at the end of the stream.
  mutating func begin() throws -> Beginning? {
    let start = input.offset
    guard try input.fill(1) else { return nil }
    // The first byte is looked at alone, so that a few bytes of something else are not taken for a
    // frame that was cut short.
    guard FrameFormat.begins(with: input.byte(0)) else {
      throw LZ4FrameError(.notAFrame, at: start, "not an LZ4 frame")
    }
    let magic = try word(start)
    if magic & ~15 == FrameFormat.skippableMagic {
      return .skippable(variant: UInt8(magic & 15), count: Int(try word(start)))
    }
    guard magic == FrameFormat.magic else {
      throw LZ4FrameError(.notAFrame, at: start, "not an LZ4 frame")
    }
    return .data(try header(start))
  }

  /// Takes the header of the frame that begins at `start`, its checksum checked.
  private mutating func header(_ start: Int) throws -> FrameHeader {
    try require(3, start)
    let flags = input.byte(0)
    let descriptor = input.byte(1)
    let reserved: UInt8 = 0b0000_0010
    guard flags & 0b1100_0000 == FrameFormat.versionBits, flags & reserved == 0,
      descriptor & 0b1000_1111 == 0,
      let maximumBlock = FrameFormat.maximumBlock(code: descriptor >> 4)
    else { throw LZ4FrameError(.unsupported, at: start, "an unknown version of LZ4 frames") }
    guard flags & FrameFormat.dictionaryID == 0 else {
      throw LZ4FrameError(.dictionary, at: start, "the frame needs a dictionary")
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
    return FrameHeader(flags: flags, maximumBlock: maximumBlock, contentSize: size)
  }

  /// Decodes the next block of the frame that begins at `start` to `buffer[at...]`.
  ///
  /// - Parameters:
  ///   - history: bytes of the same frame that stand before `at`.
  ///   - limit: bytes that the block may decode to, beside the frame's own limit.
  ///   - hashed: what is hashed of `buffer`; independent blocks are hashed on the way.
  mutating func decodeBlock(
    _ header: FrameHeader, into buffer: FrameBuffer, at: Int, history: Int, limit: Int,
    hashed: inout PartialHash, start: Int
  ) throws -> Block {
    let size = try word(start)
    if size == 0 { return .end }
    let stored = size & FrameFormat.storedBlock != 0
    let length = Int(size & ~FrameFormat.storedBlock)
    guard length <= header.maximumBlock else {
      throw LZ4FrameError(.corrupt, at: start, "a block is larger than its frame allows")
    }
    let checked = header.flags & FrameFormat.blockChecksum != 0
    try require(length + (checked ? 4 : 0), start)
    let room = min(header.maximumBlock, limit)
    let target = try buffer.room(at + room, frame: start)
    let linked = header.flags & FrameFormat.independentBlocks == 0
    let decoded = input.withFront(length) { block in
      Self.decode(
        block, stored: stored, history: linked ? history : 0, into: target, at: at, room: room,
        hashed: &hashed)
    }
    guard decoded >= 0 else { return .broken }
    if checked {
      let actual = input.withFront(length) { xxh32($0) }
      input.drop(length)
      guard try word(start) == actual else {
        throw LZ4FrameError(.corrupt, at: start, "a block's checksum does not match")
      }
    } else {
      input.drop(length)
    }
    return .decoded(decoded)
  }

  /// Decodes one block to `buffer[at...]`, at most `room` bytes of which exist there.
  private static func decode(
    _ block: UnsafeRawBufferPointer, stored: Bool, history: Int,
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
    guard history > 0 else {
      if let count = BlockDecoder.decode(block, into: base, at: at, room: room, hashed: &hashed) {
        return count
      }
      return Int(LZ4_decompress_safe(bytes, target, Int32(block.count), Int32(room)))
    }
    let window = min(history, FrameFormat.linkedWindow)
    return Int(
      LZ4_decompress_safe_usingDict(
        bytes, target, Int32(block.count), Int32(room), target - window, Int32(window)))
  }

  /// Takes four bytes, little-endian, of the frame that begins at `start`.
  mutating func word(_ start: Int) throws -> UInt32 {
    try require(4, start)
    let value = input.withFront(4) {
      UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self))
    }
    input.drop(4)
    return value
  }

  /// Hands `body` the next `count` bytes piece by piece.
  mutating func take(
    _ count: Int, start: Int, _ body: (UnsafeRawBufferPointer, _ at: Int) throws -> Void
  ) throws {
    var taken = 0
    while taken < count {
      let step = min(count - taken, 1 << 16)
      try require(step, start)
      try input.withFront(step) { try body($0, taken) }
      input.drop(step)
      taken += step
    }
  }

  /// Throws unless `count` bytes more are there.
  mutating func require(_ count: Int, _ start: Int) throws {
    guard try input.fill(count) else {
      throw LZ4FrameError(.truncated, at: start, "the stream ends inside a frame")
    }
  }
}
