import RoutingTrace

/// Rows of `pos,layer,e1,e2,...`, one a token and layer.
struct LlamaEventRows: LlamaRows {
  var gatherer: ChoiceGatherer

  private var ids = [UInt16](repeating: TokenBlock.emptySlot, count: ChoiceGatherer.mostIDs + 1)

  init(gatherer: ChoiceGatherer) { self.gatherer = gatherer }

  mutating func add(_ line: UnsafeRawBufferPointer) throws(ChoiceGatherer.Problem) {
    var fields = NumberFields(line)
    guard let place = fields.whole(), let layer = fields.whole(), place >= 0,
      (0...65_535).contains(layer)
    else {
      throw ChoiceGatherer.Problem(text: "a row of position, layer and experts is expected")
    }
    try ids.withUnsafeMutableBufferPointer { (ids) throws(ChoiceGatherer.Problem) in
      guard let count = fields.takeIDs(into: ids) else {
        throw ChoiceGatherer.Problem(text: "an expert id is no whole number")
      }
      try gatherer.add(place: place, layer: layer, ids: ids, count: count)
    }
  }

  mutating func addPlain(_ text: UnsafeRawPointer) throws(ChoiceGatherer.Problem) -> Int? {
    guard var row = PlainRow(text), row.count > 2, row.count &- 2 <= ids.count else { return nil }
    let (place, layer) = (row.first(), Int(row.next()))
    let count = row.count &- 2
    try ids.withUnsafeMutableBufferPointer { (ids) throws(ChoiceGatherer.Problem) in
      for slot in 0..<count { ids[slot] = row.next() }
      try gatherer.add(place: place, layer: layer, ids: ids, count: count)
    }
    return row.length
  }

  mutating func finish() {}
}
