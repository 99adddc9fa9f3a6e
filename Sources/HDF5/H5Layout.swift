/// How a new dataset lies in its file.
///
/// ```swift
/// let layout = H5Layout.rows(of: [24, 128, 128], elementSize: 4)   // chunks of 64 KB, compressed
/// ```
public enum H5Layout: Hashable, Sendable {
  /// One run of bytes without a checksum of its own; the fastest.
  case contiguous
  /// Chunks of this shape, each with a fletcher32 checksum; `compressed` by shuffle and deflate(1).
  case chunked([Int], compressed: Bool)

  /// Chunks of whole trailing rows of `shape`, up to `bytes` each, for elements of `elementSize`.
  ///
  /// The last axis is whole where it fits, then as much of the axis before it, and so on; so a
  /// chunk never exceeds `bytes` (64 KB unless told).
  public static func rows(
    of shape: [Int], elementSize: Int, bytes: Int = 64 << 10, compressed: Bool = true
  ) -> H5Layout {
    guard !shape.isEmpty, shape.allSatisfy({ $0 > 0 }) else { return .contiguous }
    var chunk = [Int](repeating: 1, count: shape.count)
    var room = max(1, bytes / max(1, elementSize))
    for axis in shape.indices.reversed() {
      chunk[axis] = min(shape[axis], room)
      room /= chunk[axis]
      if room <= 1 { break }
    }
    return .chunked(chunk, compressed: compressed)
  }
}
