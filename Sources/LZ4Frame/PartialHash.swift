/// How far the content of a frame is hashed, and what its hash is so far: decoders hash on the way,
/// and whoever looks at the content next goes on from there.
public struct PartialHash {
  /// The hash of the first ``count`` bytes.
  public var hash: XXH32
  /// Bytes in whole stripes from the content's beginning.
  public var count: Int

  /// Nothing is hashed yet.
  public init() {
    hash = XXH32()
    count = 0
  }

  init(hash: XXH32, count: Int) {
    self.hash = hash
    self.count = count
  }

  /// Hashes `content` up to `end` or, where that is amid a stripe, as far as the stripe goes.
  public mutating func reach(_ end: Int, in content: UnsafeRawBufferPointer) {
    let stripes = (end + XXH32.stripe - 1) / XXH32.stripe * XXH32.stripe
    guard count < stripes else { return }
    count += hash.update(
      UnsafeRawBufferPointer(rebasing: content[count..<min(stripes, content.count)]))
  }

  /// Hashes `content` as far as its whole stripes before `end` go.
  mutating func advance(to end: Int, in content: UnsafeRawBufferPointer) {
    guard count < end else { return }
    count += hash.update(UnsafeRawBufferPointer(rebasing: content[count..<end]))
  }

  /// XXH32 of all of `content`, of which this is the front.
  ///
  /// - Complexity: O(bytes that are not hashed yet).
  public func finish(_ content: UnsafeRawBufferPointer) -> UInt32 {
    var hash = hash
    let taken = count + hash.update(UnsafeRawBufferPointer(rebasing: content[count...]))
    return hash.finish(UnsafeRawBufferPointer(rebasing: content[taken...]), count: content.count)
  }
}
