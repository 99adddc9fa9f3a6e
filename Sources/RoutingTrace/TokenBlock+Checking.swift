/// What a router could have written; hot at every chunk read and written.
extension TokenBlock {
  /// Whether nothing is to be said against a column of ids, in whichever order its events stand:
  /// all slots are filled by experts that are below `experts` and not twice in their event.
  package static func allSlotsValid(_ ids: [UInt16], experts: Int, topK: Int) -> Bool {
    let masks = SlotMasks<SIMD16<Int16>>(topK: topK).masks
    return ids.withUnsafeBufferPointer { ids in
      masks.withUnsafeBufferPointer { masks in
        guard let masks = masks.baseAddress else { return false }
        // The top-k that models have is a constant in each copy, so that its loops unroll.
        switch topK {
        case 1: return allSlotsValid(ids, experts: experts, topK: 1, masks)
        case 4: return allSlotsValid(ids, experts: experts, topK: 4, masks)
        case 6: return allSlotsValid(ids, experts: experts, topK: 6, masks)
        case 8: return allSlotsValid(ids, experts: experts, topK: 8, masks)
        default: return allSlotsValid(ids, experts: experts, topK: topK, masks)
        }
      }
    }
  }

  /// Whether a shape's router could have written these ids: events one after another, in whichever
  /// order, empty slots last in each.
  public static func isChoice(_ ids: [UInt16], shape: TraceShape) -> Bool {
    ids.count % shape.topK == 0
      && (allSlotsValid(ids, experts: shape.experts, topK: shape.topK)
        || firstFaultyEvent(ids, experts: shape.experts, topK: shape.topK) == nil)
  }

  @inline(__always)
  private static func allSlotsValid(
    _ ids: UnsafeBufferPointer<UInt16>, experts: Int, topK: Int,
    _ masks: UnsafePointer<SIMDMask<SIMD16<Int16>>>
  ) -> Bool {
    guard let first = ids.baseAddress else { return true }
    let bytes = UnsafeRawPointer(first)
    let largest = SIMD16(repeating: UInt16(clamping: experts - 1))
    let phases = SlotMasks<SIMD16<Int16>>.phases(topK: topK)
    var inside = SIMDMask<SIMD16<Int16>>(repeating: true)
    var twice = SIMDMask<SIMD16<Int16>>(repeating: false)
    var phase = 0
    var at = 0
    // Neither a vector nor those it is compared with may read past the last id.
    while at &+ 16 &+ topK &- 1 <= ids.count {
      let own = bytes.loadUnaligned(fromByteOffset: 2 &* at, as: SIMD16<UInt16>.self)
      inside .&= own .<= largest
      var distance = 1
      while distance < topK {
        let behind = bytes.loadUnaligned(
          fromByteOffset: 2 &* (at &+ distance), as: SIMD16<UInt16>.self)
        twice .|= (own .== behind) .& masks[phase &* (topK &- 1) &+ distance &- 1]
        distance &+= 1
      }
      phase = phase &+ 1 == phases ? 0 : phase &+ 1
      at &+= 16
    }
    guard all(inside), !any(twice) else { return false }
    while at < ids.count {
      guard Int(ids[at]) < experts else { return false }
      // Nobody has checked the column's length yet, so the last event may be cut off.
      let end = min(ids.count, (at / topK &+ 1) &* topK)
      var behind = at &+ 1
      while behind < end {
        if ids[at] == ids[behind] { return false }
        behind &+= 1
      }
      at &+= 1
    }
    return true
  }

  /// The first of `weights` that is infinite or not a number.
  static func firstWithoutNumber(_ weights: [Float16]) -> Int? {
    let isWrong = weights.withUnsafeBufferPointer { weights in
      weights.withMemoryRebound(to: UInt16.self) { bits in
        // All weights are looked at, in vectors: a loop that may end early goes by one at a time.
        var wrong: UInt16 = 0
        var at = 0
        while at < bits.count {
          wrong |= bits[at] & 0x7C00 == 0x7C00 ? .max : 0
          at &+= 1
        }
        return wrong != 0
      }
    }
    return isWrong ? weights.firstIndex { !$0.isFinite } : nil
  }

  /// The first event, counted through a layer-major column, that no router could have written.
  static func firstFaultyEvent(_ ids: [UInt16], experts: Int, topK: Int) -> Int? {
    let bound = UInt16(experts)
    var event = 0
    var at = 0
    while at < ids.count {
      var slot = 0
      var open = true
      while slot < topK {
        let id = ids[at + slot]
        if id == emptySlot {
          open = false
        } else {
          if id >= bound || !open { return event }
          var earlier = 0
          while earlier < slot {
            if ids[at + earlier] == id { return event }
            earlier += 1
          }
        }
        slot += 1
      }
      at += topK
      event += 1
    }
    return nil
  }
}
