/// What a router could have written; hot at every chunk read and written.
extension TokenBlock {
  /// Whether nothing is to be said against a column of ids, in whichever order its events stand: all
  /// slots are filled by experts that are below `experts` and not twice in their event.
  package static func isPlain(_ ids: [UInt16], experts: Int, topK: Int) -> Bool {
    isPlain(of: ids, experts: experts, topK: topK)
  }

  /// Whether every id of a layer-major column is below `experts`, so that no slot is empty, and none
  /// is twice in its event. Bytes are looked at twice as fast as ``ids``.
  static func isPlain<ID: FixedWidthInteger & UnsignedInteger>(
    of ids: some Sequence<ID>, experts: Int, topK: Int
  ) -> Bool {
    // A stretch stays in the first-level cache while it is compared with itself.
    let stretch = topK * max(1, 1024 / topK)
    let masks: [ID] = slotMasks(stretch: stretch, topK: topK)
    return ids.withContiguousStorageIfAvailable { ids in
      masks.withUnsafeBufferPointer { masks in
        var at = 0
        while at < ids.count {
          let part = UnsafeBufferPointer(rebasing: ids[at..<min(at + stretch, ids.count)])
          guard isPlain(part, experts: experts, topK: topK, masks: masks, stretch: stretch) else {
            return false
          }
          at += stretch
        }
        return true
      }
    } ?? false
  }

  /// For every distance below top-k, all ones where an event has a slot that far behind.
  private static func slotMasks<ID: FixedWidthInteger>(stretch: Int, topK: Int) -> [ID] {
    var masks: [ID] = []
    for distance in 1..<max(1, topK) {
      for at in 0..<stretch { masks.append(at % topK + distance < topK ? .max : 0) }
    }
    return masks
  }

  @inline(__always)
  private static func isPlain<ID: FixedWidthInteger & UnsignedInteger>(
    _ ids: UnsafeBufferPointer<ID>, experts: Int, topK: Int,
    masks: UnsafeBufferPointer<ID>, stretch: Int
  ) -> Bool {
    guard let first = ids.baseAddress else { return true }
    let count = ids.count
    var largest: ID = 0
    var at = 0
    while at < count {
      largest = max(largest, first[at])
      at &+= 1
    }
    guard Int(largest) < experts else { return false }
    guard topK > 1, let masks = masks.baseAddress else { return true }
    var twice: ID = 0
    var distance = 1
    while distance < topK {
      let behind = first + distance
      let mask = masks + (distance &- 1) &* stretch
      let pairs = count &- distance
      at = 0
      while at < pairs {
        twice |= (first[at] == behind[at] ? .max : 0) & mask[at]
        at &+= 1
      }
      distance &+= 1
    }
    return twice == 0
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
