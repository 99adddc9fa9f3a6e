import LZ4Frame

/// Makes LZ4 frames as other programs do: with or without checksums and sizes, with blocks that are
/// linked, in blocks of any size. Written by the frame format's description, apart from the code
/// that is tested.
public struct FrameMaker: Sendable {
  public var contentChecksum = true
  public var contentSize = true
  public var blockChecksums = false
  /// Whether a block may reach back into those before it.
  public var linked = false
  /// Bytes of a block, decoded; 64 KiB at most.
  public var blockSize = 1 << 16

  /// Whether nothing vouches for the content.
  public var lacksChecksums: Bool { !contentChecksum && !blockChecksums }

  public init(
    contentChecksum: Bool = true, contentSize: Bool = true, blockChecksums: Bool = false,
    linked: Bool = false, blockSize: Int = 1 << 16
  ) {
    self.contentChecksum = contentChecksum
    self.contentSize = contentSize
    self.blockChecksums = blockChecksums
    self.linked = linked
    self.blockSize = blockSize
  }

  /// A frame that holds `content`.
  public func frame(_ content: [UInt8]) -> [UInt8] {
    var header: [UInt8] = [
      0x40 | (linked ? 0 : 0x20) | (blockChecksums ? 0x10 : 0) | (contentSize ? 8 : 0)
        | (contentChecksum ? 4 : 0), 0x40,
    ]
    if contentSize { header += Self.bytes(UInt64(content.count)) }
    var frame: [UInt8] = [0x04, 0x22, 0x4D, 0x18] + header
    frame.append(UInt8(truncatingIfNeeded: xxh32(header) >> 8))
    for first in stride(from: 0, to: content.count, by: blockSize) {
      let end = min(content.count, first + blockSize)
      let packed = Self.compress(content, first..<end, reaching: linked ? 0 : first)
      let isStored = packed.count >= end - first
      let block = isStored ? Array(content[first..<end]) : packed
      frame += Self.bytes(UInt32(block.count) | (isStored ? 0x8000_0000 : 0)) + block
      if blockChecksums { frame += Self.bytes(xxh32(block)) }
    }
    frame += [0, 0, 0, 0]
    if contentChecksum { frame += Self.bytes(xxh32(content)) }
    return frame
  }

  /// A skippable frame.
  public static func skippable(_ variant: UInt8, _ content: [UInt8]) -> [UInt8] {
    [0x50 | variant, 0x2A, 0x4D, 0x18] + bytes(UInt32(content.count)) + content
  }

  /// The contents of the data frames of `bytes`, skippable ones left out.
  public static func payloads(of bytes: [UInt8]) throws -> [[UInt8]] {
    var reader = FrameReader(MemorySource(bytes))
    let buffer = FrameBuffer()
    var payloads: [[UInt8]] = []
    while let frame = try reader.next(into: buffer) {
      if case .data(let count, _) = frame { payloads.append(Array(buffer.bytes(count))) }
    }
    return payloads
  }

  private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  /// One block: at every place the last four equal bytes not before `start`, as far as they agree.
  private static func compress(
    _ content: [UInt8], _ block: Range<Int>, reaching start: Int
  ) -> [UInt8] {
    var packed: [UInt8] = []
    var literals = block.lowerBound
    func key(_ at: Int) -> UInt32 {
      content[at..<at + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
    var places: [UInt32: Int] = [:]
    for at in max(start, block.lowerBound - 65_535)..<max(start, block.lowerBound)
    where at + 4 <= content.count { places[key(at)] = at }
    func append(_ length: Int, _ match: Int?, offset: Int = 0) {
      func rest(_ value: Int) -> [UInt8] {
        value < 15
          ? [] : Array(repeating: 255, count: (value - 15) / 255) + [UInt8((value - 15) % 255)]
      }
      let matchLength = match.map { $0 - 4 } ?? 0
      packed.append(UInt8(min(length, 15) << 4 | min(matchLength, 15)))
      packed += rest(length) + content[literals..<literals + length]
      if match != nil { packed += [UInt8(offset & 255), UInt8(offset >> 8)] + rest(matchLength) }
    }
    var at = block.lowerBound
    // No match begins in the last 12 bytes, and the last 5 are literals.
    while at < block.upperBound - 12 {
      let here = key(at)
      let earlier = places.updateValue(at, forKey: here)
      guard let earlier, at - earlier <= 65_535 else {
        at += 1
        continue
      }
      var length = 4
      while at + length < block.upperBound - 5, content[earlier + length] == content[at + length] {
        length += 1
      }
      append(at - literals, length, offset: at - earlier)
      at += length
      literals = at
    }
    append(block.upperBound - literals, nil)
    return packed
  }
}
