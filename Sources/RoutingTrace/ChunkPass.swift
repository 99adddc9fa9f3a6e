import LZ4Frame

/// The one pass over a chunk's bytes: its checksum and, where ids take a byte, its column of ids, checked
/// and widened.
///
/// XXH32 waits for itself most of the time. What is done with the same bytes between its stripes is
/// free; in passes of their own, check and widening cost as much again as the hash.
struct ChunkPass {
  /// XXH32 of the payload.
  let checksum: UInt32
  /// Ids, where they take a byte each, all are experts and none is twice in its event; nil where
  /// somebody else must look at them.
  private(set) var plainIDs: [UInt16]?

  /// Goes through `payload`, whose fields nobody has checked before.
  init(_ payload: UnsafeRawBufferPointer, shape: TraceShape) {
    var hash = XXH32()
    var hashed = 0
    if let column = Self.byteColumn(payload, shape: shape) {
      let bytes = UnsafeRawBufferPointer(rebasing: payload[column])
      let ahead = (XXH32.stripe - column.lowerBound % XXH32.stripe) % XXH32.stripe
      let masks = SlotMasks<SIMD32<Int8>>(topK: shape.topK).masks
      let vectors = max(0, (bytes.count - max(ahead, shape.topK - 1)) / Self.width)
      hashed = min(column.lowerBound + ahead, payload.count)
      hashed = hash.update(UnsafeRawBufferPointer(rebasing: payload[..<hashed]))
      var isPlain = false
      let ids = [UInt16](unsafeUninitializedCapacity: bytes.count) { target, count in
        guard let from = bytes.baseAddress, let to = target.baseAddress else { return }
        isPlain = masks.withUnsafeBufferPointer { masks in
          guard let masks = masks.baseAddress else { return false }
          return Self.pass(
            from, ahead: ahead, count: vectors * Self.width, to: to, masks: masks, shape: shape,
            hash: &hash)
        }
        var at = vectors * Self.width
        while at < bytes.count {
          to[at] = UInt16(bytes[at])
          at &+= 1
        }
        count = bytes.count
      }
      // Vectors end amid an event, and without their last ones where the payload ends.
      let rest = vectors * Self.width / shape.topK * shape.topK
      if isPlain,
        TokenBlock.isPlain(Array(ids[rest...]), experts: shape.experts, topK: shape.topK)
      {
        plainIDs = ids
      }
      if vectors > 0 { hashed += vectors * Self.width }
    }
    hashed += hash.update(UnsafeRawBufferPointer(rebasing: payload[hashed...]))
    checksum = hash.finish(
      UnsafeRawBufferPointer(rebasing: payload[hashed...]), count: payload.count)
  }

  private typealias Mask = SIMDMask<SIMD32<Int8>>
  /// Ids a vector.
  private static let width = 32

  /// Where the payload says its ids stand, if they take a byte each and that is inside of it.
  private static func byteColumn(
    _ payload: UnsafeRawBufferPointer, shape: TraceShape
  ) -> Range<Int>? {
    guard payload.count >= ChunkPayload.fixedHeader, payload[24] == 1, shape.topK <= 16,
      shape.experts <= 256
    else { return nil }
    func field(_ at: Int) -> Int {
      Int(UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
    }
    let (start, count) = (field(4), field(16) * shape.idsPerToken)
    guard start >= ChunkPayload.fixedHeader, start <= payload.count, count <= payload.count - start
    else { return nil }
    return start..<start + count
  }

  /// The top-k that models have is a constant in each copy, so that its loops unroll.
  private static func pass(
    _ from: UnsafeRawPointer, ahead: Int, count: Int, to: UnsafeMutablePointer<UInt16>,
    masks: UnsafePointer<Mask>, shape: TraceShape, hash: inout XXH32
  ) -> Bool {
    let experts = shape.experts
    switch shape.topK {
    case 1: return pass(from, ahead, count, to, masks, topK: 1, experts, &hash)
    case 2: return pass(from, ahead, count, to, masks, topK: 2, experts, &hash)
    case 4: return pass(from, ahead, count, to, masks, topK: 4, experts, &hash)
    case 6: return pass(from, ahead, count, to, masks, topK: 6, experts, &hash)
    case 8: return pass(from, ahead, count, to, masks, topK: 8, experts, &hash)
    default: return pass(from, ahead, count, to, masks, topK: shape.topK, experts, &hash)
    }
  }

  /// Widens `count` ids, a multiple of 32, and hashes as many bytes from `ahead` on; false where one is no
  /// expert or stands twice in an event that begins among them.
  ///
  /// The caller knows that `count + max(ahead, topK - 1)` bytes are there.
  @inline(__always)
  private static func pass(
    _ from: UnsafeRawPointer, _ ahead: Int, _ count: Int, _ to: UnsafeMutablePointer<UInt16>,
    _ masks: UnsafePointer<Mask>, topK: Int, _ experts: Int, _ hash: inout XXH32
  ) -> Bool {
    let largest = SIMD32(repeating: UInt8(truncatingIfNeeded: experts - 1))
    let phases = SlotMasks<SIMD32<Int8>>.phases(topK: topK)
    var own = hash
    var inside = Mask(repeating: true)
    // Where every vector begins with an event, masks can wait until the end.
    var equal = InlineArray<15, Mask>(repeating: Mask(repeating: false))
    var twice = Mask(repeating: false)
    var phase = 0
    var at = 0
    while at < count {
      own.update(stripe: from + at + ahead)
      own.update(stripe: from + at + ahead + XXH32.stripe)
      let ids = (from + at).loadUnaligned(as: SIMD32<UInt8>.self)
      inside .&= ids .<= largest
      var distance = 1
      while distance < topK {
        let behind = (from + at + distance).loadUnaligned(as: SIMD32<UInt8>.self)
        if phases == 1 {
          equal[distance &- 1] .|= ids .== behind
        } else {
          twice .|= (ids .== behind) .& masks[phase &* (topK &- 1) &+ distance &- 1]
        }
        distance &+= 1
      }
      let wide = UnsafeMutableRawPointer(to + at)
      wide.storeBytes(of: widened(ids.lowHalf), as: SIMD16<UInt16>.self)
      (wide + width).storeBytes(of: widened(ids.highHalf), as: SIMD16<UInt16>.self)
      phase = phase &+ 1 == phases ? 0 : phase &+ 1
      at &+= width
    }
    if phases == 1 {
      for distance in 1..<max(2, topK) { twice .|= equal[distance - 1] .& masks[distance - 1] }
    }
    hash = own
    return all(inside) && !any(twice)
  }

  /// One instruction; the initializer that converts vectors is a call.
  @inline(__always)
  private static func widened(_ ids: SIMD16<UInt8>) -> SIMD16<UInt16> {
    var wide = SIMD16<UInt16>()
    var slot = 0
    while slot < 16 {
      wide[slot] = UInt16(ids[slot])
      slot &+= 1
    }
    return wide
  }
}
