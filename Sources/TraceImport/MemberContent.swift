import CZlib
import Glibc

/// The uncompressed bytes of a zip member: in place where it is stored, inflated where it is not.
final class MemberContent {
  /// Valid as long as this object, and as the archive's bytes where the member is stored.
  private(set) var bytes: UnsafeRawBufferPointer
  private var storage: UnsafeMutableRawPointer?

  init(borrowing bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Inflates raw deflate data that must give exactly `size` bytes.
  ///
  /// Deflate packs at most 1,032 to 1, so a directory that promises more lies, and is refused before
  /// any memory is taken; the rest grows with what really comes.
  init(inflating packed: UnsafeRawBufferPointer, size: Int) throws(NPYProblem) {
    bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    let lie = NPYProblem("its size in the archive is not that of its content")
    guard size / 1032 <= packed.count, size <= ImportOptions.largestFileSize else { throw lie }
    var stream = z_stream()
    guard moecast_inflate_init_raw(&stream) == Z_OK else {
      throw NPYProblem("there is not enough memory to inflate it")
    }
    defer { inflateEnd(&stream) }
    var capacity = 0
    var filled = 0
    var taken = 0
    var status = Z_OK
    while status == Z_OK {
      if filled == capacity {
        guard filled <= size else { break }
        // One byte more than promised, so that a longer stream shows.
        capacity = min(size + 1, max(1 << 16, capacity * 4))
        guard let larger = realloc(storage, capacity) else {
          throw NPYProblem("there is not enough memory to inflate it")
        }
        storage = larger
      }
      let input = min(packed.count - taken, Int(UInt32.max))
      let room = min(capacity - filled, Int(UInt32.max))
      // zlib does not write through `next_in`.
      stream.next_in = UnsafeMutablePointer(
        mutating: packed.baseAddress?.advanced(by: taken).assumingMemoryBound(to: UInt8.self))
      stream.avail_in = UInt32(input)
      stream.next_out = storage?.advanced(by: filled).assumingMemoryBound(to: UInt8.self)
      stream.avail_out = UInt32(room)
      status = inflate(&stream, Z_NO_FLUSH)
      taken += input - Int(stream.avail_in)
      filled += room - Int(stream.avail_out)
    }
    guard status == Z_STREAM_END else {
      if status == Z_OK { throw lie }
      throw NPYProblem("its compressed data is damaged or cut off")
    }
    guard filled == size, taken == packed.count else { throw lie }
    bytes = UnsafeRawBufferPointer(start: storage, count: filled)
  }

  deinit { free(storage) }

  /// CRC-32 as zip defines it.
  var checksum: UInt32 {
    UInt32(
      truncatingIfNeeded: crc32_z(0, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count))
  }
}
