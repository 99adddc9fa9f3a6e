import RoutingTrace

/// The first event of a request that no router can have written.
struct EventFault {
  /// What is wrong with the event.
  enum Problem {
    /// An id is not below the shape's experts.
    case outside(id: UInt16, experts: Int)
    /// An expert stands twice in the event.
    case twice(id: UInt16)
    /// A gate weight is no finite number.
    case weight(Float16)
  }

  /// Ordinal of the event in token-major order.
  var event: Int
  var problem: Problem

  /// The same fault as an error that names file, token and layer.
  ///
  /// - Parameter request: what the source had, which knows the number that was out of range.
  func error(file: String, shape: TraceShape, request: borrowing RawRequest) -> ImportError {
    let text: String
    let remedy: String
    switch problem {
    case .outside(let id, let experts):
      let number = id == RawRequest.outOfRange ? request.firstOutOfRange : Int(id)
      text =
        (number.map { "expert \($0)" } ?? "an expert id of more than four digits")
        + " is outside 0 to \(experts - 1)"
      remedy = "give the shape or the --experts of the model that was traced"
    case .twice(let id):
      text = "expert \(id) is chosen twice"
      remedy =
        "record or write it again; of an array, check that its axes are [tokens, layers, k]"
    case .weight(let weight):
      text = "gate weight \(weight) is not a finite number"
      remedy = "leave weights out with --no-weights, or write them again"
    }
    return ImportError(
      .invalid, file: file, token: event / shape.layers,
      layer: shape.modelLayers[event % shape.layers], problem: text, remedy: remedy)
  }
}

/// Checks every event and brings it into descending gate weight, equal weights staying in order.
///
/// Sources with weights do not all write them in rank order (ESFT does not); those without weights
/// keep the order of the source. Runs over every id of a trace, hence the pointers.
///
/// - Parameters:
///   - ids: token-major; its count is a multiple of `topK`.
///   - weights: of the same count.
///   - allSlotsValid: whether ``Absence`` found every slot filled by an expert of its own.
func checkAndRank(
  _ ids: inout [UInt16], _ weights: inout [Float16]?, topK: Int, experts: Int, allSlotsValid: Bool
) -> EventFault? {
  precondition(topK > 0 && ids.count % topK == 0, "the shape's top-k is at least 1")
  precondition(weights.map { $0.count == ids.count } ?? true, "a weight an id")
  if !allSlotsValid, let fault = firstFault(ids, topK: topK, experts: experts) { return fault }
  guard var column = weights.take() else { return nil }
  let weightFault = ids.withUnsafeMutableBufferPointer { ids in
    column.withUnsafeMutableBufferPointer { weights in
      isRanked(weights, topK: topK) ? nil : rank(ids, weights, topK: topK, isFull: allSlotsValid)
    }
  }
  weights = column
  return weightFault
}

/// The first event that no router could have chosen, looked for id by id.
private func firstFault(_ ids: [UInt16], topK: Int, experts: Int) -> EventFault? {
  let bound = UInt16(experts)
  return ids.withUnsafeBufferPointer { ids -> EventFault? in
    var at = 0
    while at < ids.count {
      var slot = 0
      while slot < topK {
        let id = ids[at + slot]
        // Empty slots are the last of an event.
        if id == TokenBlock.emptySlot { break }
        if id >= bound {
          return EventFault(event: at / topK, problem: .outside(id: id, experts: experts))
        }
        var earlier = 0
        while earlier < slot {
          if ids[at + earlier] == id {
            return EventFault(event: at / topK, problem: .twice(id: id))
          }
          earlier += 1
        }
        slot += 1
      }
      at += topK
    }
    return nil
  }
}

/// Whether all weights are finite and no event has one above the one before it, as most sources
/// write them; this looks at many at a time.
private func isRanked(
  _ weights: UnsafeMutableBufferPointer<Float16>, topK: Int
) -> Bool {
  // Weights go by in stretches that stay in the first-level cache. The mask holds 0 for the last
  // slot of an event, which is not compared with the next event's first.
  let stretch = topK * max(1, 1024 / topK)
  let mask = (0..<stretch).map { $0 % topK + 1 < topK ? UInt16.max : 0 }
  return weights.withMemoryRebound(to: UInt16.self) { bits in
    mask.withUnsafeBufferPointer { mask in
      var (rises, infinite): (UInt16, UInt16) = (0, 0)
      var first = 0
      while first < bits.count {
        let count = min(stretch, bits.count &- first)
        var at = 0
        while at < count {
          infinite |= bits[first &+ at] & 0x7C00 == 0x7C00 ? .max : 0
          at &+= 1
        }
        at = 0
        while at < count &- 1 {
          let (own, next) = (sortKey(bits[first &+ at]), sortKey(bits[first &+ at &+ 1]))
          rises |= (own < next ? .max : 0) & mask[at]
          at &+= 1
        }
        if rises | infinite != 0 { return false }
        first &+= stretch
      }
      return true
    }
  }
}

/// Brings every event into order; names the first weight that is no finite number.
private func rank(
  _ ids: UnsafeMutableBufferPointer<UInt16>, _ weights: UnsafeMutableBufferPointer<Float16>,
  topK: Int, isFull: Bool
) -> EventFault? {
  if let at = weights.firstIndex(where: { $0.bitPattern & 0x7C00 == 0x7C00 }) {
    return EventFault(event: at / topK, problem: .weight(weights[at]))
  }
  // The top-k that models have is a constant in each copy, so that its loops unroll.
  switch topK {
  case _ where !isFull: insertionSort(ids, weights, topK: topK)
  case 4: countRanks(ids, weights, topK: 4)
  case 6: countRanks(ids, weights, topK: 6)
  case 8: countRanks(ids, weights, topK: 8)
  default: insertionSort(ids, weights, topK: topK)
  }
  return nil
}

/// An id's place is the number of ids above it: more comparisons than sorting takes, but no branch,
/// where the order of a few weights is anyone's guess.
@inline(__always)
private func countRanks(
  _ ids: UnsafeMutableBufferPointer<UInt16>, _ weights: UnsafeMutableBufferPointer<Float16>,
  topK: Int
) {
  var keys = InlineArray<8, UInt32>(repeating: 0)
  var pairs = InlineArray<8, (UInt16, Float16)>(repeating: (0, 0))
  var at = 0
  while at < ids.count {
    // Of equal weights the earlier one is above.
    for slot in 0..<topK {
      keys[slot] = UInt32(sortKey(weights[at + slot].bitPattern)) << 3 | UInt32(7 - slot)
    }
    for slot in 0..<topK {
      var place = 0
      for other in 0..<topK { place &+= keys[other] > keys[slot] ? 1 : 0 }
      pairs[place & 7] = (ids[at + slot], weights[at + slot])
    }
    for slot in 0..<topK { (ids[at + slot], weights[at + slot]) = pairs[slot] }
    at += topK
  }
}

/// Brings every event into descending gate weight, whatever its top-k.
private func insertionSort(
  _ ids: UnsafeMutableBufferPointer<UInt16>, _ weights: UnsafeMutableBufferPointer<Float16>,
  topK: Int
) {
  var at = 0
  while at < ids.count {
    var slot = 0
    while slot < topK {
      let (id, weight) = (ids[at + slot], weights[at + slot])
      // Empty slots stay the last of an event, whatever stands beside them.
      if id == TokenBlock.emptySlot { break }
      let key = sortKey(weight.bitPattern)
      var to = slot
      while to > 0, sortKey(weights[at + to - 1].bitPattern) < key {
        ids[at + to] = ids[at + to - 1]
        weights[at + to] = weights[at + to - 1]
        to -= 1
      }
      ids[at + to] = id
      weights[at + to] = weight
      slot += 1
    }
    at += topK
  }
}

/// A whole number in the order of finite half-precision numbers, of the bits of one; cheaper than
/// comparing those.
@inline(__always)
private func sortKey(_ bits: UInt16) -> UInt16 {
  bits & 0x8000 == 0 ? bits | 0x8000 : ~bits
}
