/// XXH32 with seed 0, the checksum of LZ4 frames (xxHash specification 0.1.1), fed in stripes of 16
/// bytes.
///
/// ```swift
/// var hash = XXH32()
/// let count = hash.update(content)   // whole stripes of an UnsafeRawBufferPointer
/// let rest = UnsafeRawBufferPointer(rebasing: content[count...])
/// let digest = hash.finish(rest, count: content.count)
/// ```
///
/// A stripe must wait for the one before, so one who has other work with the same bytes does it
/// between the stripes, where it costs nothing.
@frozen
public struct XXH32 {
  /// Bytes of a stripe.
  public static let stripe = 16

  /// The four sums, one for each word of a stripe.
  @usableFromInline var lanes = SIMD4(prime1 &+ prime2, prime2, 0, 0 &- prime1)

  /// The hash of nothing.
  @inlinable
  public init() {}

  /// Takes the 16 bytes at `bytes`.
  ///
  /// A lane x becomes `rotate(x, 13) * prime1`. The sum of both shifts' products is the same, and
  /// its chain of dependent instructions is shorter by a third.
  @inlinable @inline(__always)
  public mutating func update(stripe bytes: UnsafeRawPointer) {
    let input = bytes.loadUnaligned(as: SIMD4<UInt32>.self)
    let sum = lanes &+ input &* SIMD4(repeating: prime2)
    let low = sum &* SIMD4(repeating: prime1 &<< 13)
    let high = sum &>> SIMD4(repeating: 19)
    lanes = low &+ high &* SIMD4(repeating: prime1)
  }

  /// Takes all whole stripes of `bytes` and returns how many bytes these are.
  ///
  /// - Complexity: O(bytes).
  @inlinable
  @discardableResult
  public mutating func update(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard let start = bytes.baseAddress else { return 0 }
    var position = 0
    while position <= bytes.count - Self.stripe {
      update(stripe: start + position)
      position &+= Self.stripe
    }
    return position
  }

  /// The hash of what was taken and `rest`, less than a stripe.
  ///
  /// - Parameter count: bytes in all.
  public func finish(_ rest: UnsafeRawBufferPointer, count: Int) -> UInt32 {
    precondition(rest.count < Self.stripe, "whole stripes are taken before")
    var hash = prime5
    if count >= Self.stripe {
      hash =
        rotate(lanes[0], 1) &+ rotate(lanes[1], 7) &+ rotate(lanes[2], 12) &+ rotate(lanes[3], 18)
    }
    hash &+= UInt32(truncatingIfNeeded: count)
    var position = 0
    while position <= rest.count - 4 {
      let word = UInt32(
        littleEndian: rest.loadUnaligned(fromByteOffset: position, as: UInt32.self))
      hash = rotate(hash &+ word &* prime3, 17) &* prime4
      position += 4
    }
    while position < rest.count {
      hash = rotate(hash &+ UInt32(rest[position]) &* prime5, 11) &* prime1
      position += 1
    }
    hash = (hash ^ (hash >> 15)) &* prime2
    hash = (hash ^ (hash >> 13)) &* prime3
    return hash ^ (hash >> 16)
  }
}

/// XXH32 of bytes in one pass.
///
/// liblz4 hashes a frame block by block as it streams, at half the speed of a single pass over the
/// decoded bytes; that is why frames here are hashed whole.
public func xxh32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
  var hash = XXH32()
  let taken = hash.update(bytes)
  return hash.finish(UnsafeRawBufferPointer(rebasing: bytes[taken...]), count: bytes.count)
}

/// XXH32 of an array of bytes; see ``xxh32(_:)-(UnsafeRawBufferPointer)``.
public func xxh32(_ bytes: some Collection<UInt8>) -> UInt32 {
  bytes.withContiguousStorageIfAvailable { xxh32(UnsafeRawBufferPointer($0)) }
    ?? Array(bytes).withUnsafeBytes { xxh32($0) }
}

@inlinable var prime1: UInt32 { 0x9E37_79B1 }
@inlinable var prime2: UInt32 { 0x85EB_CA77 }
private let prime3: UInt32 = 0xC2B2_AE3D
private let prime4: UInt32 = 0x27D4_EB2F
private let prime5: UInt32 = 0x1656_67B1

@inline(__always)
private func rotate(_ value: UInt32, _ bits: UInt32) -> UInt32 {
  value &<< bits | value &>> (32 &- bits)
}
