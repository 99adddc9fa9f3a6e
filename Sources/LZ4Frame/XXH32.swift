/// One-shot XXH32 with seed 0, the checksum of LZ4 frames (xxHash specification 0.1.1).
///
/// liblz4 hashes a frame block by block as it streams, at half the speed of a single pass over the
/// decoded bytes; that is why frames here are hashed whole.
public func xxh32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
  var position = 0
  let count = bytes.count
  // Every load below stays within `count`: the loops stop a stripe, a word, a byte before it.
  func word(_ at: Int) -> UInt32 {
    UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
  }
  var hash: UInt32
  if count >= 16 {
    var a = prime1 &+ prime2
    var b = prime2
    var c: UInt32 = 0
    var d = 0 &- prime1
    while position <= count - 16 {
      a = round(a, word(position))
      b = round(b, word(position + 4))
      c = round(c, word(position + 8))
      d = round(d, word(position + 12))
      position += 16
    }
    hash = rotate(a, 1) &+ rotate(b, 7) &+ rotate(c, 12) &+ rotate(d, 18)
  } else {
    hash = prime5
  }
  hash &+= UInt32(truncatingIfNeeded: count)
  while position <= count - 4 {
    hash = rotate(hash &+ word(position) &* prime3, 17) &* prime4
    position += 4
  }
  while position < count {
    hash = rotate(hash &+ UInt32(bytes[position]) &* prime5, 11) &* prime1
    position += 1
  }
  hash = (hash ^ (hash >> 15)) &* prime2
  hash = (hash ^ (hash >> 13)) &* prime3
  return hash ^ (hash >> 16)
}

/// XXH32 of an array of bytes; see ``xxh32(_:)-(UnsafeRawBufferPointer)``.
public func xxh32(_ bytes: some Collection<UInt8>) -> UInt32 {
  bytes.withContiguousStorageIfAvailable { xxh32(UnsafeRawBufferPointer($0)) }
    ?? Array(bytes).withUnsafeBytes { xxh32($0) }
}

private let prime1: UInt32 = 0x9E37_79B1
private let prime2: UInt32 = 0x85EB_CA77
private let prime3: UInt32 = 0xC2B2_AE3D
private let prime4: UInt32 = 0x27D4_EB2F
private let prime5: UInt32 = 0x1656_67B1

@inline(__always)
private func rotate(_ value: UInt32, _ bits: UInt32) -> UInt32 {
  value &<< bits | value &>> (32 &- bits)
}

@inline(__always)
private func round(_ lane: UInt32, _ input: UInt32) -> UInt32 {
  rotate(lane &+ input &* prime2, 13) &* prime1
}
