import CZlib
import Glibc

/// The uncompressed bytes of an array, taken front to back: in place where they are stored,
/// inflated a piece at a time where they are not, so that they are never in memory as a whole.
package final class MemberContent {
  /// Bytes not yet taken, as promised.
  package private(set) var remaining: Int
  /// Bytes of the archive that were not taken or inflated yet.
  private var packed: UnsafeRawBufferPointer
  /// Whether they are to be inflated.
  private let isDeflated: Bool
  /// CRC-32 of what was taken, as zip defines it.
  private var checksum: UInt = 0
  /// zlib's state.
  private var stream = z_stream()
  /// Room for what is inflated at a time.
  private var storage: UnsafeMutableRawPointer?
  /// Bytes of the room.
  private var capacity = 0

  /// Bytes in place, which must outlive the value.
  package init(_ bytes: UnsafeRawBufferPointer) {
    packed = bytes
    remaining = bytes.count
    isDeflated = false
  }

  /// Raw deflate data that must give exactly `size` bytes and outlive the value.
  ///
  /// Deflate packs at most 1,032 to 1, so a directory that promises more lies.
  init(inflating packed: UnsafeRawBufferPointer, size: Int) throws(ArchiveError) {
    self.packed = packed
    remaining = size
    isDeflated = true
    guard size / 1032 <= packed.count, size <= Self.largestSize else { throw Self.lie }
    guard moecast_inflate_init_raw(&stream) == Z_OK else { throw Self.noMemory }
  }

  deinit {
    if isDeflated { inflateEnd(&stream) }
    free(storage)
  }

  /// The most that a member is inflated to, in bytes.
  private static let largestSize = 1 << 32

  private static let lie = ArchiveError("its size in the archive is not that of its content")
  private static let noMemory = ArchiveError("there is not enough memory to inflate it")

  /// The next `count` bytes, of which there must be as many ``remaining``; valid until the next
  /// call.
  package func take(_ count: Int) throws(ArchiveError) -> UnsafeRawBufferPointer {
    precondition(count <= remaining, "the caller has looked")
    let piece = isDeflated ? try inflate(count) : UnsafeRawBufferPointer(rebasing: packed[..<count])
    if !isDeflated { packed = UnsafeRawBufferPointer(rebasing: packed[count...]) }
    remaining -= count
    checksum = crc32_z(checksum, piece.bindMemory(to: UInt8.self).baseAddress, piece.count)
    return piece
  }

  /// Goes to the end, which must be where it was promised.
  ///
  /// - Parameter expected: CRC-32 of all.
  func finish(checksum expected: UInt32) throws(ArchiveError) {
    while remaining > 0 { _ = try take(min(remaining, 1 << 20)) }
    if isDeflated {
      // One byte more than promised, so that a longer stream shows.
      let (status, filled) = try inflateOnce(from: 0, to: 1)
      guard status == Z_STREAM_END, filled == 0, packed.isEmpty else { throw Self.lie }
    }
    guard UInt32(truncatingIfNeeded: checksum) == expected else {
      throw ArchiveError("its checksum is wrong: the archive is damaged")
    }
  }

  /// The next `count` bytes of deflated content.
  private func inflate(_ count: Int) throws(ArchiveError) -> UnsafeRawBufferPointer {
    var filled = 0
    while filled < count {
      let (status, more) = try inflateOnce(from: filled, to: count)
      filled += more
      guard status == Z_OK || filled == count else { throw Self.lie }
    }
    return UnsafeRawBufferPointer(start: storage, count: count)
  }

  /// Inflates to bytes `first..<end` of the storage, as far as one call goes.
  private func inflateOnce(
    from first: Int, to end: Int
  ) throws(ArchiveError) -> (status: Int32, filled: Int) {
    if capacity < end {
      guard let larger = realloc(storage, end) else { throw Self.noMemory }
      storage = larger
      capacity = end
    }
    let room = UnsafeMutableRawBufferPointer(
      start: storage?.advanced(by: first), count: end - first)
    let (status, taken, filled) = stream.inflate(packed, into: room)
    packed = UnsafeRawBufferPointer(rebasing: packed[taken...])
    guard status == Z_OK || status == Z_STREAM_END else {
      throw ArchiveError("its compressed data is damaged or cut off")
    }
    return (status, filled)
  }
}
