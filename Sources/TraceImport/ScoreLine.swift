import RoutingTrace

/// One line of one layer's file of ESFT's expert scores: ids parted by tabs, two tabs, gate
/// weights.
struct ScoreLine {
  /// `[token, slot]` of the line.
  private(set) var ids: [UInt16] = []
  /// Gate weights beside the ids.
  private(set) var weights: [Float16] = []

  /// Replaces the contents by those of `text`; what is wrong with it, or nil.
  ///
  /// - Parameter readsWeights: whether weights are looked at; else there are none.
  mutating func parse(
    _ text: UnsafeRawBufferPointer, topK: Int, readsWeights: Bool
  ) -> String? {
    ids.removeAll(keepingCapacity: true)
    weights.removeAll(keepingCapacity: true)
    guard !text.isEmpty else { return "the line is empty" }
    var fields = TabbedNumbers(text)
    while !fields.isAtFieldEnd {
      guard let id = fields.id() else { return "an expert id is not a whole number" }
      ids.append(id)
      guard fields.next() else { return "two tabs between ids and gate weights are missing" }
    }
    weights.reserveCapacity(ids.count)
    while readsWeights, fields.next() {
      guard let weight = fields.decimal() else { return "a gate weight is not a number" }
      weights.append(halfPrecision(weight))
    }
    guard ids.count % topK == 0 else { return "\(ids.count) ids are not a multiple of top-\(topK)" }
    guard weights.count == ids.count || !readsWeights else {
      return "\(weights.count) gate weights for \(ids.count) ids"
    }
    return nil
  }
}

/// Numbers parted by tabs, taken from the front of a line.
private struct TabbedNumbers {
  private let text: UnsafeRawBufferPointer
  private var at = 0

  init(_ text: UnsafeRawBufferPointer) { self.text = text }

  /// Whether nothing is left of the field begun.
  var isAtFieldEnd: Bool { at == text.count || text[at] == 0x09 }

  /// Goes on to the next field; false where there is none.
  mutating func next() -> Bool {
    guard at < text.count else { return false }
    at &+= 1
    return true
  }

  /// The field as an id, -1 as an empty slot.
  mutating func id() -> UInt16? {
    if at &+ 1 < text.count, text[at] == 0x2D, text[at &+ 1] == 0x31 {
      at &+= 2
      return isAtFieldEnd ? TokenBlock.emptySlot : nil
    }
    guard let number = takeWholeNumber(text, &at, end: text.count), isAtFieldEnd else { return nil }
    return RawRequest.id(number)
  }

  /// The field as ``decimalNumber(_:)`` takes it; `0.0414` without looking for its end first.
  mutating func decimal() -> Double? {
    let start = at
    if let number = takeDecimalNumber(text, &at, end: text.count), isAtFieldEnd { return number }
    while !isAtFieldEnd { at &+= 1 }
    return decimalNumber(text[start..<at])
  }
}
