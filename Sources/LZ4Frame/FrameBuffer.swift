import Glibc

/// Memory that frames are decoded into, kept from frame to frame.
///
/// It grows with what is decoded, never with what a header claims, and is not cleared first.
public final class FrameBuffer {
  /// The memory; nil before the first frame.
  private var storage: UnsafeMutableRawPointer?
  /// Bytes of the memory.
  private var capacity = 0

  /// A buffer that holds nothing yet.
  public init() {}

  deinit { free(storage) }

  /// The first `count` bytes of the frame decoded last, which says how many there are; valid until
  /// the next frame.
  public func bytes(_ count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      rebasing: UnsafeRawBufferPointer(start: storage, count: capacity)[..<count])
  }

  /// Room for `count` bytes, what was written before still at its front.
  ///
  /// - Throws: ``LZ4FrameError`` where there is no memory, for a frame that begins at `frame`.
  func room(_ count: Int, frame: Int) throws(LZ4FrameError) -> UnsafeMutableRawBufferPointer {
    if capacity < count {
      // Doubling keeps repeated growth linear.
      let larger = max(count, min(2 * capacity, count + 1 << 24))
      guard let new = realloc(storage, larger) else {
        throw LZ4FrameError(.memory, at: frame, "there is not enough memory to decode it")
      }
      storage = new
      capacity = larger
    }
    return UnsafeMutableRawBufferPointer(start: storage, count: capacity)
  }

  /// Copies `bytes` to the front, in the place of what was there.
  ///
  /// - Throws: ``LZ4FrameError`` where there is no memory, for a frame that begins at `frame`.
  public func hold(_ bytes: UnsafeRawBufferPointer, frame: Int) throws(LZ4FrameError) {
    let target = try room(bytes.count, frame: frame)
    UnsafeMutableRawBufferPointer(rebasing: target[..<bytes.count]).copyMemory(from: bytes)
  }

  /// Forgets the first `dropped` of `count` bytes; those behind move to the front.
  func drop(_ dropped: Int, of count: Int) {
    guard let storage else { return }
    memmove(storage, storage + dropped, count - dropped)
  }
}
