import RoutingTrace

/// A request of a routing log, as its records come in: an event each, of a layer and of a place in
/// an engine step.
///
/// The records of a step stand layer by layer or token by token; both are one token where their
/// places are equal. A step ends where a record would be there twice, and as ``StepEnd`` says.
/// Where a layer lacks a record of a token that another has, its slots are empty.
struct LoggedRequest {
  /// Where a step ends, beside a record that would be there twice.
  enum StepEnd {
    /// Where place and layer both go back: places begin again with each step.
    case placeAndLayer
    /// Where the layer goes back: places go on from step to step.
    case layer
  }

  /// Its name in the log.
  let name: String
  /// Ids in an event (K).
  let topK: Int
  /// Where its steps end.
  let stepEnd: StepEnd
  /// Tokens of the prompt, where records tell.
  private(set) var toldPrefill: Int?
  /// Whether it has gate weights, as the first record with any tells.
  private(set) var isWeighted = false
  /// Where every token stands in its engine step.
  private(set) var places: [Int32] = []
  /// The first token of every engine step.
  private(set) var steps: [Int] = []
  /// Records that were added.
  private(set) var records = 0

  /// What is known of a layer: its first tokens' ids and weights, the others' are not there.
  struct Column {
    var layer: Int
    var ids: [UInt16] = []
    var weights: [Float16] = []
  }

  /// Layers in the order of their first records.
  private(set) var columns: [Column] = []
  /// The column of every layer.
  private var columnOf: [Int: Int] = [:]
  /// Column and token of the latest record.
  private var latest = (column: 0, token: 0)

  init(name: String, topK: Int, stepEnd: StepEnd = .placeAndLayer) {
    self.name = name
    self.topK = topK
    self.stepEnd = stepEnd
  }

  /// Tokens (T).
  var tokens: Int { places.count }

  /// Adds an event, as below.
  mutating func add(place: Int32, layer: Int, ids: [UInt16], weights: [Float16]) {
    ids.withUnsafeBufferPointer { ids in
      weights.withUnsafeBufferPointer { add(place: place, layer: layer, ids: ids, weights: $0) }
    }
  }

  /// Adds an event: `topK` ids, and as many weights, but for events before the first that has any.
  ///
  /// Runs once an event, hence the pointers.
  ///
  /// - Complexity: O(topK) where the layers of a step have the same tokens; O(tokens of the request)
  ///   for a token that its step's first layer lacks.
  mutating func add(
    place: Int32, layer: Int, ids: UnsafeBufferPointer<UInt16>,
    weights: UnsafeBufferPointer<Float16>
  ) {
    records += 1
    if !weights.isEmpty { beWeighted() }
    let column = self.column(of: layer)
    if steps.isEmpty || endsStep(place: place, layer: layer) { steps.append(tokens) }
    var token = self.token(at: place)
    if isThere(token, in: column) {
      steps.append(tokens)
      token = self.token(at: place)
    }
    let start = token * topK
    if columns[column].ids.count < start { fill(column, to: start) }
    if columns[column].ids.count == start {
      columns[column].ids.append(contentsOf: ids)
      if isWeighted { columns[column].weights.append(contentsOf: weights) }
    } else {
      columns[column].ids.replaceSubrange(start..<start + topK, with: ids)
      if isWeighted {
        columns[column].weights.replaceSubrange(start..<start + topK, with: weights)
      }
    }
    latest = (column, token)
  }

  /// Adds the events of `count` tokens in one layer: the step's first tokens, or, where the layer has
  /// fewer than those before it, its last, as llama.cpp computes its last layer. Layers ascend within
  /// a step.
  ///
  /// - Returns: false where the layer has more tokens than the step's others.
  /// - Complexity: O(ids).
  mutating func addLayer(_ layer: Int, count: Int, ids: UnsafeBufferPointer<UInt16>) -> Bool {
    records += count
    if steps.isEmpty || layer <= columns[latest.column].layer { steps.append(tokens) }
    let column = self.column(of: layer)
    let step = steps[steps.count - 1]
    if step == tokens { places += (0..<Int32(count)) }
    latest = (column, max(step, tokens - 1))
    guard count <= tokens - step else { return false }
    fill(column, to: (tokens - count) * topK)
    columns[column].ids += ids
    if isWeighted { columns[column].weights += repeatElement(0, count: ids.count) }
    return true
  }

  /// Whether a record begins another step than the latest.
  private func endsStep(place: Int32, layer: Int) -> Bool {
    switch stepEnd {
    case .placeAndLayer:
      place <= places[latest.token] && layer <= columns[latest.column].layer
    case .layer: layer < columns[latest.column].layer
    }
  }

  /// Counts all of its tokens to the prompt.
  mutating func bePrompt() { toldPrefill = tokens }

  /// Puts the tokens of `decoded` behind its own, which are the prompt's.
  mutating func append(decoded: LoggedRequest) {
    var decoded = decoded
    toldPrefill = tokens
    if isWeighted || decoded.isWeighted {
      beWeighted()
      decoded.beWeighted()
    }
    for other in decoded.columns {
      let column = self.column(of: other.layer)
      fill(column, to: tokens * topK)
      columns[column].ids += other.ids
      columns[column].weights += other.weights
    }
    steps += decoded.steps.map { $0 + tokens }
    places += decoded.places
    records += decoded.records
  }

  /// Gives weight 0 to all that was added without weights.
  private mutating func beWeighted() {
    guard !isWeighted else { return }
    isWeighted = true
    for column in columns.indices {
      columns[column].weights = Array(repeating: 0, count: columns[column].ids.count)
    }
  }

  /// The number of a layer's column, which is most often that of the latest record or the next.
  @inline(__always)
  private mutating func column(of layer: Int) -> Int {
    if isColumn(latest.column, of: layer) { return latest.column }
    if isColumn(latest.column + 1, of: layer) { return latest.column + 1 }
    if isColumn(0, of: layer) { return 0 }
    if let known = columnOf[layer] { return known }
    columnOf[layer] = columns.count
    columns.append(Column(layer: layer))
    return columns.count - 1
  }

  private func isColumn(_ column: Int, of layer: Int) -> Bool {
    column < columns.count && columns[column].layer == layer
  }

  /// The token at a place of the latest step, which is made where it is not there.
  @inline(__always)
  private mutating func token(at place: Int32) -> Int {
    let step = steps[steps.count - 1]
    guard step < tokens, place <= places[tokens - 1] else {
      places.append(place)
      return tokens - 1
    }
    if isToken(latest.token + 1, at: place, from: step) { return latest.token + 1 }
    if isToken(latest.token, at: place, from: step) { return latest.token }
    if isToken(step, at: place, from: step) { return step }
    var (low, high) = (step, tokens)
    while low < high {
      let middle = (low + high) / 2
      if places[middle] < place { low = middle + 1 } else { high = middle }
    }
    if places[low] != place { insert(place, at: low) }
    return low
  }

  private func isToken(_ token: Int, at place: Int32, from step: Int) -> Bool {
    token >= step && token < tokens && places[token] == place
  }

  /// Makes a token that other layers lack so far, before others of its step.
  private mutating func insert(_ place: Int32, at token: Int) {
    places.insert(place, at: token)
    let start = token * topK
    for column in columns.indices where columns[column].ids.count > start {
      columns[column].ids.insert(
        contentsOf: repeatElement(TokenBlock.emptySlot, count: topK), at: start)
      guard isWeighted else { continue }
      columns[column].weights.insert(contentsOf: repeatElement(0, count: topK), at: start)
    }
  }

  /// Whether a layer has a record of a token.
  @inline(__always)
  private func isThere(_ token: Int, in column: Int) -> Bool {
    let end = (token + 1) * topK
    // Records mostly come in order, and then the layer has none behind the latest.
    guard end <= columns[column].ids.count else { return false }
    return columns[column].ids[token * topK..<end].contains { $0 != TokenBlock.emptySlot }
  }

  /// Fills a column up with empty slots.
  private mutating func fill(_ column: Int, to count: Int) {
    let missing = count - columns[column].ids.count
    guard missing > 0 else { return }
    columns[column].ids += repeatElement(TokenBlock.emptySlot, count: missing)
    if isWeighted { columns[column].weights += repeatElement(0, count: missing) }
  }

  /// Gives its layers other numbers.
  mutating func renumberLayers(_ number: (Int) -> Int) {
    for column in columns.indices { columns[column].layer = number(columns[column].layer) }
    columnOf = [:]
    for (place, column) in columns.enumerated() { columnOf[column.layer] = place }
  }

  /// Takes over the columns of another file's records of the same tokens.
  mutating func join(_ other: LoggedRequest) {
    var other = other
    if isWeighted || other.isWeighted {
      beWeighted()
      other.beWeighted()
    }
    columns += other.columns
    records += other.records
  }

  /// The first token that is not the same in both, nil where all are.
  func firstDifference(from other: LoggedRequest) -> Int? {
    if let token = (0..<min(tokens, other.tokens)).first(where: { places[$0] != other.places[$0] })
    {
      return token
    }
    if tokens != other.tokens { return min(tokens, other.tokens) }
    return zip(steps, other.steps).first { $0 != $1 }.map { min($0, $1) }
  }

  /// Tokens of the prompt as far as the log tells.
  ///
  /// A log of one engine step is a prompt. Of several, those of several tokens are a prompt's if
  /// all behind them are of one token, which decode. In all others a batch is decoded, or other
  /// prompts follow, and nothing tells whose tokens they are.
  var prefill: Int? {
    if let toldPrefill { return toldPrefill }
    guard steps.count > 1 else { return tokens }
    let ends = steps.dropFirst() + [tokens]
    let isLong = zip(steps, ends).map { $1 - $0 > 1 }
    let prompt = isLong.prefix { $0 }.count
    guard prompt > 0, prompt < steps.count, !isLong[prompt...].contains(true) else { return nil }
    return steps[prompt]
  }

  /// The request over `layers`, ascending, those that it lacks being empty.
  func request(over layers: [Int]) -> RawRequest {
    let stride = layers.count * topK
    var ids = [UInt16](repeating: TokenBlock.emptySlot, count: tokens * stride)
    var weights = [Float16](repeating: 0, count: isWeighted ? ids.count : 0)
    for column in columns {
      guard let place = layers.firstIndex(of: column.layer) else { continue }
      scatter(column.ids, into: &ids, from: place * topK, stride: stride)
      if isWeighted { scatter(column.weights, into: &weights, from: place * topK, stride: stride) }
    }
    return RawRequest(
      name: name, tokens: tokens, prefill: prefill, layers: .numbered(layers), topK: topK, ids: ids,
      weights: isWeighted ? weights : nil)
  }

  /// Puts a layer's events into their places in a token-major column, `stride` apart; runs over all
  /// ids, hence the pointers.
  private func scatter<Value>(
    _ events: [Value], into rows: inout [Value], from first: Int, stride: Int
  ) {
    precondition(events.isEmpty || (events.count / topK - 1) * stride + first + topK <= rows.count)
    rows.withUnsafeMutableBufferPointer { rows in
      events.withUnsafeBufferPointer { events in
        var (from, to) = (0, first)
        while from < events.count {
          var slot = 0
          while slot < topK {
            rows[to &+ slot] = events[from &+ slot]
            slot &+= 1
          }
          from &+= topK
          to &+= stride
        }
      }
    }
  }
}
