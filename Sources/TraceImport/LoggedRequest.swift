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
  /// Where every token stands in its engine step.
  private(set) var places: [Int32] = []
  /// The first token of every engine step.
  private(set) var steps: [Int] = []
  /// Records that were added.
  private(set) var records = 0

  /// What is known of a layer: the events of its first tokens; those behind them are not there.
  struct Column {
    var layer: Int
    /// How many tokens these are.
    var tokens = 0
  }

  /// Layers in the order of their first records.
  private(set) var columns: [Column] = []
  /// Their events.
  private var grid: EventGrid
  /// The column of every layer.
  private var columnOf: [Int: Int] = [:]
  /// Column and token of the latest record.
  private var latest = (column: 0, token: 0)

  init(name: String, topK: Int, stepEnd: StepEnd = .placeAndLayer) {
    self.name = name
    self.topK = topK
    self.stepEnd = stepEnd
    grid = EventGrid(topK: topK)
  }

  /// Whether it has gate weights, as the first record with any tells.
  var isWeighted: Bool { grid.isWeighted }

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
    if !weights.isEmpty { grid.beWeighted() }
    let column = self.column(of: layer)
    if steps.isEmpty || endsStep(place: place, layer: layer) { steps.append(tokens) }
    var token = self.token(at: place)
    if isThere(token, in: column) {
      steps.append(tokens)
      token = self.token(at: place)
    }
    grid.makeRoom(for: token + 1)
    grid.put(ids, at: token, of: column)
    if !weights.isEmpty { grid.put(weights: weights, at: token, of: column) }
    if columns[column].tokens <= token { columns[column].tokens = token + 1 }
    latest = (column, token)
  }

  /// Adds the events of `count` tokens in one layer: the step's first tokens, or, where the layer has
  /// fewer than those before it, its last, as llama.cpp computes its last layer. Layers ascend within
  /// a step.
  ///
  /// - Returns: false where the layer has more tokens than the step's others.
  /// - Complexity: O(ids).
  mutating func addLayer(_ layer: Int, count: Int, ids: UnsafeBufferPointer<UInt16>) -> Bool {
    let begins = steps.isEmpty || layer <= columns[latest.column].layer
    let step = begins ? tokens : steps[steps.count - 1]
    guard step == tokens || count <= tokens - step else { return false }
    records += count
    if begins { steps.append(tokens) }
    if step == tokens { places += (0..<Int32(count)) }
    let column = self.column(of: layer)
    grid.makeRoom(for: tokens)
    grid.put(ids, at: tokens - count, of: column)
    columns[column].tokens = tokens
    latest = (column, tokens - 1)
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
    toldPrefill = tokens
    if decoded.isWeighted { grid.beWeighted() }
    grid.makeRoom(for: tokens + decoded.tokens)
    for (other, events) in decoded.columns.enumerated() {
      let column = self.column(of: events.layer)
      grid.put(events.tokens, of: other, from: decoded.grid, at: tokens, of: column)
      columns[column].tokens = tokens + events.tokens
    }
    steps += decoded.steps.map { $0 + tokens }
    places += decoded.places
    records += decoded.records
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
    grid.addColumn()
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
    grid.makeRoom(for: tokens)
    for column in columns.indices where columns[column].tokens > token {
      grid.insert(at: token, of: column, tokens: columns[column].tokens)
      columns[column].tokens += 1
    }
  }

  /// Whether a layer has a record of a token.
  @inline(__always)
  private func isThere(_ token: Int, in column: Int) -> Bool {
    // Records mostly come in order, and then the layer has none behind the latest.
    token < columns[column].tokens && grid.holds(token, of: column)
  }

  /// Gives its layers other numbers.
  mutating func renumberLayers(_ number: (Int) -> Int) {
    for column in columns.indices { columns[column].layer = number(columns[column].layer) }
    columnOf = [:]
    for (place, column) in columns.enumerated() { columnOf[column.layer] = place }
  }

  /// Takes over the columns of another file's records of the same tokens.
  mutating func join(_ other: LoggedRequest) {
    if other.isWeighted { grid.beWeighted() }
    for (number, events) in other.columns.enumerated() {
      grid.addColumn()
      grid.put(events.tokens, of: number, from: other.grid, at: 0, of: columns.count)
      columns.append(events)
    }
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
    let order = layers.map { layer in columns.firstIndex { $0.layer == layer } }
    return RawRequest(
      name: name, tokens: tokens, prefill: prefill, layers: .numbered(layers), topK: topK,
      ids: grid.ids(of: tokens, order: order), weights: grid.weights(of: tokens, order: order))
  }
}
