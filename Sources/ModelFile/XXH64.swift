/// XXH64 with seed 0 of bytes in one pass (xxHash specification 0.1.1): the digest of models and
/// their groups.
///
/// - Complexity: O(bytes).
public func xxh64(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
  let count = bytes.count
  var position = 0
  // Every load below stays within `count`: the loops stop a stripe, a word, a byte before it.
  func word(_ at: Int) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
  }
  var hash: UInt64
  if count >= 32 {
    var a = prime1 &+ prime2
    var b = prime2
    var c: UInt64 = 0
    var d = 0 &- prime1
    while position <= count - 32 {
      a = round(a, word(position))
      b = round(b, word(position + 8))
      c = round(c, word(position + 16))
      d = round(d, word(position + 24))
      position += 32
    }
    hash = rotate(a, 1) &+ rotate(b, 7) &+ rotate(c, 12) &+ rotate(d, 18)
    hash = merge(merge(merge(merge(hash, a), b), c), d)
  } else {
    hash = prime5
  }
  hash &+= UInt64(count)
  while position <= count - 8 {
    hash = rotate(hash ^ round(0, word(position)), 27) &* prime1 &+ prime4
    position += 8
  }
  if position <= count - 4 {
    let half = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
    hash = rotate(hash ^ UInt64(half) &* prime1, 23) &* prime2 &+ prime3
    position += 4
  }
  while position < count {
    hash = rotate(hash ^ UInt64(bytes[position]) &* prime5, 11) &* prime1
    position += 1
  }
  hash = (hash ^ (hash >> 33)) &* prime2
  hash = (hash ^ (hash >> 29)) &* prime3
  return hash ^ (hash >> 32)
}

/// XXH64 of an array of bytes; see ``xxh64(_:)-(UnsafeRawBufferPointer)``.
public func xxh64(_ bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBytes { xxh64($0) } }

/// `value` as 16 lower-case hexadecimal digits, as digests are written.
public func hexadecimal(_ value: UInt64) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}

/// The constants of the specification.
private let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
private let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
private let prime3: UInt64 = 0x1656_67B1_9E37_79F9
private let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
private let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

/// The bits of `value`, rotated to the left.
@inline(__always)
private func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 {
  value &<< bits | value &>> (64 &- bits)
}

/// One round of the specification: a word added to a lane's sum.
@inline(__always)
private func round(_ sum: UInt64, _ word: UInt64) -> UInt64 {
  rotate(sum &+ word &* prime2, 31) &* prime1
}

/// A lane's sum merged into the hash.
@inline(__always)
private func merge(_ hash: UInt64, _ sum: UInt64) -> UInt64 {
  (hash ^ round(0, sum)) &* prime1 &+ prime4
}
