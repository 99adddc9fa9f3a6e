import CVectorShims
import RoutingTrace

/// One line of one layer's file of ESFT's expert scores: ids parted by tabs, two tabs, gate
/// weights.
struct ScoreLine {
  /// `[token, slot]` of the line.
  private(set) var ids: [UInt16] = []
  /// Gate weights beside the ids.
  private(set) var weights: [Float16] = []

  /// Room for ids, and for weights, that are read at once.
  private var someIDs = [UInt16](repeating: 0, count: TabbedNumbers.mostAtOnce)
  private var someWeights = [Float16](repeating: 0, count: TabbedNumbers.mostAtOnce)

  /// What is wrong with a line, and what can be done about it.
  struct Problem {
    var text: String
    var remedy: String

    init(_ text: String, remedy: String = "write the line again") {
      self.text = text
      self.remedy = remedy
    }

    /// The same of gate weights, which may be left out.
    static func weights(_ text: String) -> Problem {
      Problem(text, remedy: "leave weights out with --no-weights, or write the line again")
    }
  }

  /// Replaces the contents by those of `text`, which is followed by a line's end or a zero, and as many
  /// readable bytes as ``LineReader`` has behind its lines; what is wrong with it, or nil.
  ///
  /// - Parameter readsWeights: whether weights are looked at; else there are none.
  mutating func parse(
    _ text: UnsafeRawBufferPointer, topK: Int, readsWeights: Bool
  ) -> Problem? {
    ids.removeAll(keepingCapacity: true)
    weights.removeAll(keepingCapacity: true)
    guard let start = text.baseAddress, !text.isEmpty else { return Problem("the line is empty") }
    var fields = TabbedNumbers(text, start)
    while true {
      let taken = someIDs.withUnsafeMutableBufferPointer { fields.takeIDs(into: $0) }
      ids += someIDs[..<taken]
      if taken > 0 { continue }
      if fields.isAtFieldEnd { break }
      guard let id = fields.id() else { return Problem("an expert id is not a whole number") }
      ids.append(id)
      guard fields.next() else {
        return Problem("two tabs between ids and gate weights are missing")
      }
    }
    weights.reserveCapacity(ids.count)
    while readsWeights, fields.next() {
      while true {
        let taken = someWeights.withUnsafeMutableBufferPointer { fields.takeWeights(into: $0) }
        if taken == 0 { break }
        weights += someWeights[..<taken]
      }
      guard let weight = fields.decimal() else { return .weights("a gate weight is not a number") }
      weights.append(halfPrecision(weight))
    }
    guard ids.count % topK == 0 else {
      return Problem(
        "\(ids.count) ids are not a multiple of top-\(topK)",
        remedy: "give the --top-k or the shape of the model that was traced")
    }
    guard weights.count == ids.count || !readsWeights else {
      return .weights("\(weights.count) gate weights for \(ids.count) ids")
    }
    return nil
  }
}

/// Numbers parted by tabs, taken from the front of a line.
private struct TabbedNumbers {
  private let text: UnsafeRawBufferPointer
  private let start: UnsafeRawPointer
  private var at = 0

  init(_ text: UnsafeRawBufferPointer, _ start: UnsafeRawPointer) {
    self.text = text
    self.start = start
  }

  /// Whether nothing is left of the field begun.
  var isAtFieldEnd: Bool { at == text.count || text[at] == 0x09 }

  /// Goes on to the next field; false where there is none.
  mutating func next() -> Bool {
    guard at < text.count else { return false }
    at &+= 1
    return true
  }

  /// Fields that are taken at once, at most.
  static let mostAtOnce = 32

  /// Takes fields of one to four digits, as nearly all ids are, as far as they end within 64 bytes, each
  /// with the tab behind it.
  ///
  /// - Returns: how many; they are in `room`, which has places for ``mostAtOnce``.
  mutating func takeIDs(into room: UnsafeMutableBufferPointer<UInt16>) -> Int {
    let window = start + at
    let digits = text_digits(window)
    let tabs = text_places(window, 0x09)
    let two = digits & (digits &>> 1)
    let five = two & (two &>> 2) & (digits &>> 4)
    // All that is neither digit nor tab, empty fields, and the first digit of longer ones. A line's end is
    // such, so that nothing behind it is taken.
    let others = ~(digits | tabs) | tabs & (tabs &<< 1 | 1) | five
    var ends = tabs & ((others & (0 &- others)) &- 1)
    var (count, next) = (0, 0)
    while ends != 0, count < room.count {
      let end = ends.trailingZeroBitCount
      ends &= ends &- 1
      room[count] = shortNumber(window + next, digits: end &- next)
      count &+= 1
      next = end &+ 1
    }
    at &+= next
    return count
  }

  /// Takes fields of `0.` and one to eight digits, as most gate weights are, in the same way.
  mutating func takeWeights(into room: UnsafeMutableBufferPointer<Float16>) -> Int {
    let window = start + at
    let digits = text_digits(window)
    let tabs = text_places(window, 0x09)
    let points = text_places(window, 0x2E)
    // A field begins with a zero, and behind that is its only point.
    let starts = tabs &<< 1 | 1
    let others =
      ~(digits | tabs | points) | starts & ~text_places(window, 0x30) | (points ^ starts &<< 1)
    var ends = tabs & ((others & (0 &- others)) &- 1)
    var (count, next) = (0, 0)
    while ends != 0, count < room.count {
      let end = ends.trailingZeroBitCount
      ends &= ends &- 1
      let places = end &- next &- 2
      guard places > 0, places <= 8 else { break }
      let digits = (window + next).loadUnaligned(fromByteOffset: 2, as: UInt64.self)
      room[count] = halfPrecision(fraction(longNumber(digits, digits: places), places: places))
      count &+= 1
      next = end &+ 1
    }
    at &+= next
    return count
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

  /// The field as ``decimalNumber(_:)`` takes it.
  mutating func decimal() -> Double? {
    let first = at
    while !isAtFieldEnd { at &+= 1 }
    return decimalNumber(text[first..<at])
  }
}
