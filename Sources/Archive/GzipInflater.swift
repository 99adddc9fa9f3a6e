import CZlib

/// Inflates gzip data (RFC 1952) that comes in pieces of any size: one member or several behind one
/// another, each held against its own CRC-32 and length, and zeros that pad the end, as tapes do.
///
/// ```swift
/// let inflater = try GzipInflater()
/// let (taken, filled) = try inflater.inflate(piece, into: room)
/// try inflater.finish()   // once there are no more pieces
/// ```
package final class GzipInflater: Inflater {
  /// How gzip data begins.
  package static let magic: [UInt8] = [0x1F, 0x8B]

  /// Bytes of the gzip data that were taken.
  private var bytesTaken = 0
  /// Where the member begins that is being read, or that would be next.
  private var memberStart = 0
  /// Whether a member has begun and not ended.
  private var isInMember = true
  /// zlib's state.
  private var stream = z_stream()

  /// - Throws: ``InflaterError`` where there is no memory.
  package init() throws(InflaterError) {
    guard moecast_inflate_init_gzip(&stream) == Z_OK else { throw InflaterError.noMemory }
  }

  deinit { inflateEnd(&stream) }

  /// Inflates what `packed` begins with, until it or `room` is used up.
  ///
  /// - Returns: bytes taken of `packed`, and bytes that `room` was filled with.
  /// - Throws: ``InflaterError`` where the data is damaged, or something else follows it.
  package func inflate(
    _ packed: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
  ) throws(InflaterError) -> (taken: Int, filled: Int) {
    var (taken, filled) = (0, 0)
    while taken < packed.count, filled < room.count {
      if !isInMember {
        if packed[taken] == 0 {
          taken += 1
          bytesTaken += 1
          continue
        }
        memberStart = bytesTaken
        guard packed[taken] == Self.magic[0] else {
          throw InflaterError.follows(.gzip, at: memberStart)
        }
        guard inflateReset(&stream) == Z_OK else { throw InflaterError.noMemory }
        isInMember = true
      }
      let (more, output) = try step(
        UnsafeRawBufferPointer(rebasing: packed[taken...]),
        UnsafeMutableRawBufferPointer(rebasing: room[filled...]))
      taken += more
      filled += output
    }
    return (taken, filled)
  }

  /// Ends the data.
  ///
  /// - Throws: ``InflaterError`` where its last member is cut off.
  package func finish() throws(InflaterError) {
    guard !isInMember else { throw InflaterError.cutOff(.gzip, at: bytesTaken) }
  }

  /// One call of zlib, within a member.
  private func step(
    _ packed: UnsafeRawBufferPointer, _ room: UnsafeMutableRawBufferPointer
  ) throws(InflaterError) -> (taken: Int, filled: Int) {
    let (status, taken, filled) = stream.inflate(packed, into: room)
    bytesTaken += taken
    switch status {
    case Z_OK: break
    case Z_STREAM_END: isInMember = false
    case Z_MEM_ERROR: throw InflaterError.noMemory
    default:
      // Behind the first member, two bytes that are no header are not gzip data at all.
      let isHeader = memberStart > 0 && bytesTaken - memberStart <= 2
      throw isHeader
        ? InflaterError.follows(.gzip, at: memberStart)
        : InflaterError.damaged(.gzip, at: bytesTaken)
    }
    return (taken, filled)
  }
}
