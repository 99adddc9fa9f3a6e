import CZlib

/// Undoes HDF5's fletcher32, deflate and shuffle filters on one chunk, within its known size.
///
/// Formats: HDF5 File Format Specification 3.0, IV.A.2.l; fletcher32 as in its
/// `H5_checksum_fletcher32`.
struct ChunkDecoder: Sendable {
  /// In the order they were applied when the chunk was written.
  let filters: [H5Dataset.Filter]
  /// Bytes of an element, which shuffle works by.
  let elementSize: Int
  /// Bytes of the decoded chunk.
  let bytes: Int

  /// The decoded chunk, or nil where a checksum or a size is wrong.
  ///
  /// - Parameter skipped: bit i set where filter i was left out for this chunk.
  func decode(_ stored: [UInt8], skipped: UInt32) -> [UInt8]? {
    var chunk = stored
    for (index, filter) in filters.enumerated().reversed() where skipped & (1 << index) == 0 {
      switch filter {
      case .fletcher32:
        guard chunk.count >= 4 else { return nil }
        let sum = chunk.suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        chunk.removeLast(4)
        guard fletcher32(chunk) == sum else { return nil }
      case .deflate:
        guard let inflated = inflate(chunk) else { return nil }
        chunk = inflated
      case .shuffle:
        chunk = unshuffle(chunk)
      }
    }
    return chunk.count == bytes ? chunk : nil
  }

  /// At most the chunk and the checksums that may have been added before it was deflated.
  private func inflate(_ stream: [UInt8]) -> [UInt8]? {
    let room = bytes + 4 * filters.count
    var length = uLongf(room)
    let plain = [UInt8](unsafeUninitializedCapacity: room) { plain, count in
      let result = uncompress(plain.baseAddress, &length, stream, uLong(stream.count))
      count = result == Z_OK ? Int(length) : 0
    }
    return plain.isEmpty ? nil : plain
  }

  /// Bytes 0 of all elements, then bytes 1, ... back to whole elements; a rest stays behind.
  private func unshuffle(_ shuffled: [UInt8]) -> [UInt8] {
    let elements = shuffled.count / elementSize
    guard elementSize > 1, elements > 1 else { return shuffled }
    var plain = shuffled
    shuffled.withUnsafeBufferPointer { shuffled in
      plain.withUnsafeMutableBufferPointer { plain in
        var byte = 0
        while byte < elementSize {
          var element = 0
          while element < elements {
            plain[element * elementSize + byte] = shuffled[byte * elements + element]
            element += 1
          }
          byte += 1
        }
      }
    }
    return plain
  }
}

/// HDF5's Fletcher checksum: over big-endian 16-bit words, an odd last byte as a high one.
func fletcher32(_ bytes: [UInt8]) -> UInt32 {
  var (first, second): (UInt32, UInt32) = (0, 0)
  bytes.withUnsafeBufferPointer { bytes in
    var position = 0
    while position < bytes.count {
      // 360 words before folding keep both sums within 32 bits.
      let end = min(position + 720, bytes.count)
      while position < end {
        let low = position + 1 < bytes.count ? UInt32(bytes[position + 1]) : 0
        first &+= UInt32(bytes[position]) << 8 | low
        second &+= first
        position += 2
      }
      first = (first & 0xFFFF) &+ (first >> 16)
      second = (second & 0xFFFF) &+ (second >> 16)
    }
  }
  first = (first & 0xFFFF) &+ (first >> 16)
  second = (second & 0xFFFF) &+ (second >> 16)
  return second << 16 | first
}
