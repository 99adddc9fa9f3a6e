import CLZ4

/// Writes LZ4 frames: independent blocks of 256 KiB, content size and content checksum present, as
/// `lz4` reads them.
///
/// ```swift
/// var writer = FrameWriter(MemorySink(), level: 9)
/// let checksum = try writer.writeData(Array("routing".utf8))
/// print(checksum, writer.sink.bytes.count)
/// ```
///
/// Same content, same bytes, for one version of liblz4.
public struct FrameWriter<Sink: ByteSink> {
  /// Where the frames go.
  public private(set) var sink: Sink
  /// Bytes written so far.
  public private(set) var offset = 0
  /// The compressor's level.
  private let level: Int
  /// The frame that is being made.
  private var frame: [UInt8] = []

  /// A writer of frames to `sink`; nothing is written yet.
  ///
  /// - Parameters:
  ///   - sink: where the frames go.
  ///   - level: 0 for the fast compressor, 3 to 12 for LZ4 HC.
  public init(_ sink: Sink, level: Int = 0) {
    self.sink = sink
    self.level = level
  }

  /// Writes one data frame.
  ///
  /// - Returns: XXH32 of the content, which the frame holds too.
  /// - Throws: what the sink throws.
  /// - Complexity: O(bytes of the content).
  @discardableResult
  public mutating func writeData(_ content: [UInt8]) throws -> UInt32 {
    let checksum = xxh32(content)
    frame.removeAll(keepingCapacity: true)
    appendHeader(contentSize: content.count)
    content.withUnsafeBytes { content in
      var position = 0
      while position < content.count {
        let end = min(content.count, position + Self.blockSize)
        appendBlock(UnsafeRawBufferPointer(rebasing: content[position..<end]))
        position = end
      }
    }
    append(UInt32(0))
    append(checksum)
    try flush()
    return checksum
  }

  /// Writes one skippable frame; programs that do not know it pass over it.
  ///
  /// - Parameters:
  ///   - variant: the low four bits of the magic number, 0 to 15.
  ///   - content: what the frame holds, stored as it is.
  /// - Throws: what the sink throws.
  public mutating func writeSkippable(variant: UInt8, _ content: [UInt8]) throws {
    frame.removeAll(keepingCapacity: true)
    append(FrameFormat.skippableMagic | UInt32(variant & 15))
    append(UInt32(content.count))
    frame.append(contentsOf: content)
    try flush()
  }
}

extension FrameWriter {
  /// Bytes of a block, decoded.
  private static var blockSize: Int { 1 << 18 }

  /// Appends the header of a data frame.
  private mutating func appendHeader(contentSize: Int) {
    append(FrameFormat.magic)
    let start = frame.count
    frame.append(
      FrameFormat.versionBits | FrameFormat.independentBlocks | FrameFormat.contentSize
        | FrameFormat.contentChecksum)
    frame.append(5 << 4)
    append(UInt64(contentSize))
    frame.append(UInt8(truncatingIfNeeded: xxh32(frame[start...]) >> 8))
  }

  /// Appends a block, stored where it does not get smaller.
  private mutating func appendBlock(_ block: UnsafeRawBufferPointer) {
    let sizeAt = frame.count
    append(UInt32(0))
    let room = Int(LZ4_compressBound(Int32(block.count)))
    frame.append(contentsOf: repeatElement(0, count: room))
    let level = level
    let written = frame.withUnsafeMutableBytes { frame -> Int in
      guard let source = block.baseAddress, let target = frame.baseAddress else { return 0 }
      let from = source.assumingMemoryBound(to: CChar.self)
      let to = (target + sizeAt + 4).assumingMemoryBound(to: CChar.self)
      let count = Int32(block.count)
      return Int(
        level == 0
          ? LZ4_compress_default(from, to, count, Int32(room))
          : LZ4_compress_HC(from, to, count, Int32(room), Int32(level)))
    }
    frame.removeLast(room - written)
    var size = UInt32(written)
    if written == 0 || written >= block.count {
      frame.removeLast(written)
      frame.append(contentsOf: block)
      size = UInt32(block.count) | FrameFormat.storedBlock
    }
    frame.withUnsafeMutableBytes {
      $0.storeBytes(of: size.littleEndian, toByteOffset: sizeAt, as: UInt32.self)
    }
  }

  /// Appends a number, little-endian.
  private mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { frame.append(contentsOf: $0) }
  }

  /// Gives the frame to the sink.
  private mutating func flush() throws {
    try frame.withUnsafeBytes { try sink.write($0) }
    offset += frame.count
  }
}
