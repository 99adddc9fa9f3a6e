import CZlib

extension z_stream {
  /// Inflates as far as one call of zlib goes.
  ///
  /// - Parameters:
  ///   - packed: what is to be inflated.
  ///   - room: where it goes.
  /// - Returns: zlib's status, bytes taken of `packed`, and bytes that `room` was filled with.
  mutating func inflate(
    _ packed: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
  ) -> (status: Int32, taken: Int, filled: Int) {
    let input = UInt32(clamping: packed.count)
    let output = UInt32(clamping: room.count)
    // zlib does not write through `next_in`.
    next_in = UnsafeMutablePointer(
      mutating: packed.baseAddress?.assumingMemoryBound(to: UInt8.self))
    avail_in = input
    next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
    avail_out = output
    let status = CZlib.inflate(&self, Z_NO_FLUSH)
    return (status, Int(input - avail_in), Int(output - avail_out))
  }
}
