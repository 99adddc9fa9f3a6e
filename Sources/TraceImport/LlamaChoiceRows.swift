import RoutingTrace

/// Rows of `layer,expert`; those of a layer are the tokens of a batch, top-k rows each.
struct LlamaChoiceRows: LlamaRows {
  var gatherer: ChoiceGatherer

  /// Ids in an event.
  private let topK: Int
  /// The layer whose rows are read, and their ids.
  private var open: Int?
  private var ids: [UInt16] = []

  init(gatherer: ChoiceGatherer, topK: Int) {
    self.gatherer = gatherer
    self.topK = topK
  }

  mutating func add(_ line: UnsafeRawBufferPointer) throws(ChoiceGatherer.Problem) {
    var fields = NumberFields(line)
    guard let layer = fields.whole(), let expert = fields.whole(), !fields.hasMore,
      (0...65_535).contains(layer)
    else { throw ChoiceGatherer.Problem(text: "a row of layer and expert is expected") }
    try add(RawRequest.id(expert), of: layer)
  }

  mutating func addPlain(_ text: UnsafeRawPointer) throws(ChoiceGatherer.Problem) -> Int? {
    guard var row = PlainRow(text), row.count == 2 else { return nil }
    let layer = row.first()
    guard layer <= 65_535 else { return nil }
    try add(row.next(), of: layer)
    return row.length
  }

  mutating func finish() throws(ChoiceGatherer.Problem) { try close() }

  @inline(__always)
  private mutating func add(_ expert: UInt16, of layer: Int) throws(ChoiceGatherer.Problem) {
    if open != layer { try close() }
    open = layer
    ids.append(expert)
  }

  /// Adds the events of a batch in the layer that is open, if any.
  private mutating func close() throws(ChoiceGatherer.Problem) {
    guard let layer = open else { return }
    guard ids.count % topK == 0 else {
      throw ChoiceGatherer.Problem(
        text: "the \(ids.count) rows of layer \(layer) before it are not a multiple of top-\(topK)",
        remedy: "give the shape of the model that was traced, or its --top-k with --experts")
    }
    try gatherer.addLayer(layer, ids: ids)
    open = nil
    ids.removeAll(keepingCapacity: true)
  }
}
