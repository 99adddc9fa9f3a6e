import RoutingTrace

/// Rows of `phase,token,layer,rank,expert`; those of one event are neighbours.
struct LlamaPhaseRows: LlamaRows {
  var gatherer: ChoiceGatherer

  /// Where an event stands.
  private struct Event: Equatable {
    var isDecoded: Bool
    var token: Int
    var layer: Int
  }

  /// The event whose rows are read.
  private var open: Event?
  /// Its ids, as far as there are places, and how many it has.
  private var ids = [UInt16](repeating: TokenBlock.emptySlot, count: ChoiceGatherer.mostIDs + 1)
  private var count = 0

  private let prefill = Self.bytes("prefill,")
  private let decode = Self.bytes("decode,")

  init(gatherer: ChoiceGatherer) { self.gatherer = gatherer }

  mutating func add(_ line: UnsafeRawBufferPointer) throws(ChoiceGatherer.Problem) {
    var fields = NumberFields(line)
    let phase = fields.bytes()
    let isDecoded = phase.elementsEqual("decode".utf8)
    guard isDecoded || phase.elementsEqual("prefill".utf8) else {
      throw ChoiceGatherer.Problem(text: "the phase is neither prefill nor decode")
    }
    guard let token = fields.whole(), let layer = fields.whole(), let rank = fields.whole(),
      let expert = fields.whole(), !fields.hasMore, token >= 0, (0...65_535).contains(layer)
    else {
      throw ChoiceGatherer.Problem(text: "a row of a phase and four whole numbers is expected")
    }
    try add(
      RawRequest.id(expert), rank: rank,
      of: Event(isDecoded: isDecoded, token: token, layer: layer))
  }

  mutating func addPlain(_ text: UnsafeRawPointer) throws(ChoiceGatherer.Problem) -> Int? {
    let phase = UInt64(bigEndian: text.loadUnaligned(as: UInt64.self))
    let isDecoded = phase &>> 8 == decode
    guard isDecoded || phase == prefill else { return nil }
    let behind = isDecoded ? 7 : 8
    guard var row = PlainRow(text + behind), row.count == 4 else { return nil }
    let event = Event(isDecoded: isDecoded, token: row.first(), layer: Int(row.next()))
    let rank = Int(row.next())
    try add(row.next(), rank: rank, of: event)
    return behind &+ row.length
  }

  /// The bytes of a word as one number, the first above the others.
  private static func bytes(_ word: String) -> UInt64 {
    word.utf8.reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func finish() throws(ChoiceGatherer.Problem) { try close() }

  /// Adds a choice: the first of an event, or the next of the one that is open.
  @inline(__always)
  private mutating func add(
    _ expert: UInt16, rank: Int, of event: Event
  ) throws(ChoiceGatherer.Problem) {
    if rank == 0 || open != event { try close() }
    guard rank == count else {
      throw ChoiceGatherer.Problem(
        text: "rank \(rank) follows \(count) choices of the event: rows are missing")
    }
    open = event
    if count < ids.count { ids[count] = expert }
    count += 1
  }

  /// Adds the event that is open, if any.
  private mutating func close() throws(ChoiceGatherer.Problem) {
    guard let event = open else { return }
    try ids.withUnsafeMutableBufferPointer { (ids) throws(ChoiceGatherer.Problem) in
      try gatherer.add(
        place: event.token, layer: event.layer, ids: ids, count: count,
        isDecoded: event.isDecoded)
    }
    open = nil
    count = 0
  }
}
