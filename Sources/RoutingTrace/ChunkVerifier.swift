import LZ4Frame

/// The one pass over a chunk's bytes: the rest of its checksum and, where ids take a byte, its
/// column of ids, checked and widened.
///
/// XXH32 waits for itself most of the time. What is done with the same bytes between its stripes is
/// free; in passes of their own, check and widening cost as much again as the hash. What was hashed
/// as it was decoded is not hashed again.
struct ChunkVerifier {
  /// XXH32 of the payload.
  let checksum: UInt32
  /// Ids, where they take a byte each, all are experts and none is twice in its event; nil where
  /// somebody else must look at them.
  private(set) var plainIDs: [UInt16]?

  /// Goes through `payload`, whose fields nobody has checked before.
  ///
  /// - Parameters:
  ///   - masks: those of the shape; see ``masks(for:)``.
  ///   - hashed: what is hashed of it already.
  init(
    _ payload: UnsafeRawBufferPointer, shape: TraceShape, masks: SlotMasks<SIMD32<Int8>>,
    hashed: PartialHash
  ) {
    var hashed = hashed
    if let column = Self.byteColumn(payload, shape: shape) {
      let bytes = UnsafeRawBufferPointer(rebasing: payload[column])
      let span = Span(column, in: payload, topK: shape.topK, hashed: &hashed)
      var allSlotsValid = false
      let ids = [UInt16](unsafeUninitializedCapacity: bytes.count) { target, count in
        guard let from = bytes.baseAddress, let to = target.baseAddress else { return }
        allSlotsValid = masks.masks.withUnsafeBufferPointer { masks in
          guard let masks = masks.baseAddress else { return false }
          return Self.pass(
            from, span, to: to, masks: masks, shape: shape, hash: &hashed.hash)
        }
        hashed.count += span.end - span.hashesFrom
        var at = span.end
        while at < bytes.count {
          to[at] = UInt16(bytes[at])
          at &+= 1
        }
        count = bytes.count
      }
      // The last vector may end inside an event, and near the payload's end there is none: the
      // events from there on are checked one by one.
      let rest = span.end / shape.topK * shape.topK
      if allSlotsValid,
        TokenBlock.firstFaultyEvent(
          Array(ids[rest...]), experts: shape.experts, topK: shape.topK) == nil
      {
        plainIDs = ids
      }
    }
    checksum = hashed.finish(payload)
  }

  /// What every pass over a chunk of `shape` needs.
  static func masks(for shape: TraceShape) -> SlotMasks<SIMD32<Int8>> {
    SlotMasks(topK: min(shape.topK, largestTopK))
  }

  /// Chunks with more ids an event are not looked at here.
  private static let largestTopK = 16

  /// Which ids of a column go by in vectors.
  private struct Span {
    /// Up to here they are hashed already, from here to the end they take the hash along.
    let hashesFrom: Int
    let end: Int
    /// How far the hash is before them.
    let ahead: Int

    /// Hashes up to where ids and hash can go on together.
    init(
      _ column: Range<Int>, in payload: UnsafeRawBufferPointer, topK: Int,
      hashed: inout PartialHash
    ) {
      // A vector is compared with those that begin up to k - 1 ids later, which must lie inside the
      // column too.
      let last = column.count - (topK - 1)
      let known = min(last &- width, hashed.count - column.lowerBound)
      hashesFrom = max(0, known) / Check.wholeEvents(topK: topK) * Check.wholeEvents(topK: topK)
      hashed.reach(column.lowerBound + hashesFrom, in: payload)
      ahead = hashed.count - column.lowerBound - hashesFrom
      let rest = min(last, column.count - ahead) - hashesFrom
      end = hashesFrom + max(0, rest) / width * width
    }
  }

  /// A truth value for each id of a vector.
  private typealias Mask = SIMDMask<SIMD32<Int8>>
  /// Ids a vector.
  private static let width = 32

  /// Where the payload says its ids stand, if they take a byte each and that is inside of it.
  private static func byteColumn(
    _ payload: UnsafeRawBufferPointer, shape: TraceShape
  ) -> Range<Int>? {
    guard payload.count >= ChunkPayload.fixedHeader, payload[24] == 1, shape.topK <= largestTopK,
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
    _ from: UnsafeRawPointer, _ span: Span, to: UnsafeMutablePointer<UInt16>,
    masks: UnsafePointer<Mask>, shape: TraceShape, hash: inout XXH32
  ) -> Bool {
    let experts = shape.experts
    switch shape.topK {
    case 1: return pass(from, span, to, masks, topK: 1, experts, &hash)
    case 2: return pass(from, span, to, masks, topK: 2, experts, &hash)
    case 4: return pass(from, span, to, masks, topK: 4, experts, &hash)
    case 6: return pass(from, span, to, masks, topK: 6, experts, &hash)
    case 8: return pass(from, span, to, masks, topK: 8, experts, &hash)
    default: return pass(from, span, to, masks, topK: shape.topK, experts, &hash)
    }
  }

  /// Widens the ids of `span` and hashes what is to be hashed; false where one is no expert or
  /// stands twice in an event that begins among them.
  @inline(__always)
  private static func pass(
    _ from: UnsafeRawPointer, _ span: Span, _ to: UnsafeMutablePointer<UInt16>,
    _ masks: UnsafePointer<Mask>, topK: Int, _ experts: Int, _ hash: inout XXH32
  ) -> Bool {
    var check = Check(experts: experts)
    var own = hash
    var at = 0
    while at < span.hashesFrom {
      check.widen(from + at, to + at, nil, topK: topK)
      at &+= Check.wholeEvents(topK: topK)
    }
    while at < span.end {
      own.update(stripe: from + at + span.ahead)
      own.update(stripe: from + at + span.ahead + XXH32.stripe)
      check.widen(from + at, to + at, masks, topK: topK)
      at &+= width
    }
    hash = own
    return check.allSlotsValid(masks, topK: topK)
  }

  /// Collects, vector by vector, whether a column's ids are experts and none stands twice in its
  /// event; asked once at the end.
  private struct Check {
    /// The largest id that an expert has, in every place.
    private let largest: SIMD32<UInt8>
    /// Where all ids so far were experts.
    private var inside = Mask(repeating: true)
    /// Where an id stood twice in its event.
    private var twice = Mask(repeating: false)
    /// Of vectors that begin with an event; their masks can wait until the end.
    private var equal = InlineArray<15, Mask>(repeating: Mask(repeating: false))
    /// How far into an event the next vector begins.
    private var phase = 0

    init(experts: Int) {
      largest = SIMD32(repeating: UInt8(truncatingIfNeeded: experts - 1))
    }

    /// Ids of a vector that belong to events which it holds whole.
    @inline(__always)
    static func wholeEvents(topK: Int) -> Int { width / topK * topK }

    /// Looks at the next vector, and at as many ids behind it as an event has but one.
    ///
    /// - Parameter masks: those of all phases, or nil where vectors are not laid end to end but
    ///   begin with an event.
    @inline(__always)
    mutating func widen(
      _ from: UnsafeRawPointer, _ to: UnsafeMutablePointer<UInt16>, _ masks: UnsafePointer<Mask>?,
      topK: Int
    ) {
      let phases = SlotMasks<SIMD32<Int8>>.phases(topK: topK)
      let ids = from.loadUnaligned(as: SIMD32<UInt8>.self)
      inside .&= ids .<= largest
      var distance = 1
      while distance < topK {
        let behind = (from + distance).loadUnaligned(as: SIMD32<UInt8>.self)
        if let masks, phases > 1 {
          twice .|= (ids .== behind) .& masks[phase &* (topK &- 1) &+ distance &- 1]
        } else {
          equal[distance &- 1] .|= ids .== behind
        }
        distance &+= 1
      }
      let wide = UnsafeMutableRawPointer(to)
      wide.storeBytes(of: widened(ids.lowHalf), as: SIMD16<UInt16>.self)
      (wide + width).storeBytes(of: widened(ids.highHalf), as: SIMD16<UInt16>.self)
      if masks != nil { phase = phase &+ 1 == phases ? 0 : phase &+ 1 }
    }

    /// Whether every id was an expert, and none stood twice in its event.
    @inline(__always)
    func allSlotsValid(_ masks: UnsafePointer<Mask>, topK: Int) -> Bool {
      var twice = twice
      for distance in 1..<max(2, topK) { twice .|= equal[distance - 1] .& masks[distance - 1] }
      return all(inside) && !any(twice)
    }
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
