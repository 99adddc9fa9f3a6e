import CLZMA

/// Inflates xz data: one stream or several behind one another, each held against its own checks.
package final class XZInflater: Inflater {
  /// How xz data begins.
  package static let magic: [UInt8] = [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]

  /// Memory that the data may ask for: `xz -9` asks for 65 MiB.
  private static let largestMemory: UInt64 = 256 << 20

  /// liblzma's state.
  private var stream = moecast_lzma_stream()
  /// Whether the last stream's end was seen.
  private var isAtEnd = false

  /// - Throws: ``InflaterError`` where there is no memory.
  package init() throws(InflaterError) {
    let status = moecast_lzma_decoder(&stream, Self.largestMemory)
    guard status == LZMA_OK else { throw InflaterError.noMemory }
  }

  deinit { lzma_end(&stream) }

  package func inflate(
    _ packed: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
  ) throws(InflaterError) -> (taken: Int, filled: Int) {
    try step(packed, room, LZMA_RUN)
  }

  package func finish() throws(InflaterError) {
    // What is left in liblzma was handed out before: it holds no more than checks.
    var byte: UInt8 = 0
    let (_, filled) = try withUnsafeMutableBytes(of: &byte) { room in
      Result { () throws(InflaterError) in
        try step(UnsafeRawBufferPointer(start: nil, count: 0), room, LZMA_FINISH)
      }
    }.get()
    guard isAtEnd, filled == 0 else { throw .cutOff(.xz, at: Int(stream.total_in)) }
  }

  /// One call of liblzma.
  private func step(
    _ packed: UnsafeRawBufferPointer, _ room: UnsafeMutableRawBufferPointer, _ action: lzma_action
  ) throws(InflaterError) -> (taken: Int, filled: Int) {
    stream.next_in = packed.bindMemory(to: UInt8.self).baseAddress
    stream.avail_in = packed.count
    stream.next_out = room.bindMemory(to: UInt8.self).baseAddress
    stream.avail_out = room.count
    let status = lzma_code(&stream, action)
    let (taken, filled) = (packed.count - stream.avail_in, room.count - stream.avail_out)
    switch status {
    case LZMA_OK: break
    case LZMA_STREAM_END: isAtEnd = true
    // Nothing was taken and nothing given: with no more to come, it is cut off.
    case LZMA_BUF_ERROR where action == LZMA_FINISH:
      throw .cutOff(.xz, at: Int(stream.total_in))
    case LZMA_BUF_ERROR: break
    case LZMA_MEM_ERROR: throw InflaterError.noMemory
    case LZMA_MEMLIMIT_ERROR:
      throw InflaterError(
        problem: "its xz data asks for more than \(Self.largestMemory >> 20) MiB to inflate it",
        remedy: "decompress it (xz -d) and import what that gives", byte: nil)
    // Behind the first stream, what is no header of another is not xz data at all.
    case LZMA_FORMAT_ERROR where stream.total_out > 0:
      throw .follows(.xz, at: Int(stream.total_in))
    default: throw .damaged(.xz, at: Int(stream.total_in))
    }
    return (taken, filled)
  }
}
