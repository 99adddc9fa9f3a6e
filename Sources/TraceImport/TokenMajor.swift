/// Turns columns of events, each `[token, slot]`, into rows `[token, column, slot]`.
///
/// - Parameters:
///   - values: ids or weights, two bytes each.
///   - starts: where in `values` each column begins; nil for one whose events are all empty.
///   - tokens: tokens of every column.
///   - topK: values of an event.
///   - empty: what stands in the slots of empty events.
/// - Complexity: O(tokens * columns * topK).
func tokenMajor<Value: BitwiseCopyable>(
  _ values: [Value], columns starts: [Int?], tokens: Int, topK: Int, empty: Value
) -> [Value] {
  typealias Eight = SIMD8<UInt16>
  precondition(
    MemoryLayout<Value>.size == 2 && tokens >= 0 && topK >= 0
      && starts.allSatisfy { $0.map { $0 >= 0 && $0 + tokens * topK <= values.count } ?? true })
  let columns = starts.enumerated().compactMap { place, start in start.map { (place, start: $0) } }
  let absent = starts.indices.filter { starts[$0] == nil }
  let width = starts.count * topK
  return [Value](unsafeUninitializedCapacity: tokens * width) { target, filled in
    values.withUnsafeBufferPointer { values in
      filled = target.count
      guard let to = target.baseAddress, let from = values.baseAddress else { return }
      // Eight values at once, though an event has fewer: the next one is written over what is too much.
      // The last eight tokens, behind which there may be nothing, go slot by slot.
      let quick = topK <= 8 ? max(0, tokens - 8) : 0
      for token in 0..<tokens {
        let row = to + (token &* width)
        for (place, start) in columns {
          let event = from + (start &+ token &* topK)
          let slots = row + (place &* topK)
          if token < quick {
            let eight = UnsafeRawPointer(event).loadUnaligned(as: Eight.self)
            UnsafeMutableRawPointer(slots).storeBytes(of: eight, as: Eight.self)
          } else {
            slots.initialize(from: event, count: topK)
          }
        }
      }
      for token in 0..<tokens {
        for place in absent {
          (to + (token &* width &+ place &* topK)).initialize(repeating: empty, count: topK)
        }
      }
    }
  }
}
