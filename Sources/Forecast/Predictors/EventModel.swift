import Counting
import RoutingTrace

/// A predictor that counts the events of one MoE layer in tables of its own: it says how it
/// forecasts an event, how it learns one, and which arrays hold its state. ``EventModel`` makes a
/// whole ``ForecastModel`` of it, with sessions, merging and storage.
///
/// ```swift
/// /// How often an expert was chosen as the first of its event.
/// struct FirstChoice: EventPredictor {
///   var counts: [UInt32]
///   init(shape: TraceShape, layer: Int) { counts = Array(repeating: 0, count: shape.experts) }
///   func forecast(_ event: Event, into probabilities: UnsafeMutableBufferPointer<Double>) {
///     let sum = counts.reduce(0.5 * Double(counts.count)) { $0 + Double($1) }
///     for (expert, count) in counts.enumerated() {
///       probabilities[expert] = (Double(count) + 0.5) / sum
///     }
///   }
///   mutating func learn(_ event: Event) { counts[event.chosen[0]] += 1 }
///   static var columns: [EventColumn<FirstChoice>] {
///     [EventColumn("first", \.counts, note: "times an expert was chosen first")]
///   }
/// }
/// let spec = PredictorSpec.counting(events: FirstChoice.self, named: "first-choice")
/// ```
public protocol EventPredictor: Hashable, Sendable {
  /// The state of a MoE layer of which nothing has been learnt.
  ///
  /// - Parameter layer: the layer's ordinal, from 0; all layers must make columns of the same
  ///   lengths.
  init(shape: TraceShape, layer: Int)

  /// Writes the forecast of an event: one probability an expert, which sum to 1.
  ///
  /// - Parameters:
  ///   - event: the event to forecast. Its choice, `Counting/Event/chosen`, is what is forecast
  ///     and must not be looked at.
  ///   - probabilities: `experts` values, all of which are to be overwritten.
  func forecast(_ event: Event, into probabilities: UnsafeMutableBufferPointer<Double>)

  /// Counts an event, after it was forecast and scored; called only for events in which at least
  /// one expert was chosen. No cell of ``columns`` may grow by more than 1 for every expert chosen,
  /// so that 32 bits suffice for `Counting/LayerCounts/maximumTokens`.
  mutating func learn(_ event: Event)

  /// All arrays of its state, which are what files store and what merging adds up cell by cell.
  /// Their lengths must follow from the shape alone.
  static var columns: [EventColumn<Self>] { get }
}

/// One array of an ``EventPredictor``'s state: where it is and what a model file calls it.
public struct EventColumn<Root>: Sendable {
  /// The data set's name in model files, unique within the predictor.
  public let name: String
  /// One line for people that says what the values are; model files store it beside them.
  public let note: String
  /// Where the predictor keeps the values.
  public let values: any WritableKeyPath<Root, [UInt32]> & Sendable

  /// A column called `name` in files, described by `note`.
  public init(
    _ name: String, _ values: any WritableKeyPath<Root, [UInt32]> & Sendable, note: String
  ) {
    self.name = name
    self.note = note
    self.values = values
  }
}

/// The ``ForecastModel`` of an ``EventPredictor``: one predictor a MoE layer, which learn
/// independently of each other.
///
/// All its state is integers that are sums over events. So merging shards is exact, whatever their
/// order, and nothing depends on the requests that are under way.
public struct EventModel<Predictor: EventPredictor>: ForecastModel {
  /// The shape of the model whose routing is forecast.
  public let shape: TraceShape
  /// 1: a layer is forecast when all layers before it are known.
  public var horizon: Int { 1 }
  /// One a MoE layer.
  private var layers: [Predictor]
  /// Tokens counted.
  private var tokens: UInt64 = 0

  /// A model that has learnt nothing: one fresh predictor a MoE layer.
  public init(shape: TraceShape) {
    self.shape = shape
    layers = (0..<shape.layers).map { Predictor(shape: shape, layer: $0) }
  }

  /// Forecasts every event in order and, if `learns`, counts it; layers are split among `workers`
  /// threads.
  ///
  /// - Complexity: O(`layers` x `tokens`) calls of the predictor's forecast and learn.
  public mutating func process(
    _ block: EventBlock, learns: Bool, workers: Int,
    score: @Sendable (Event, UnsafeMutableBufferPointer<Double>) -> Void
  ) {
    precondition(block.shape.isCompatible(with: shape))
    layers.forEachLayer(workers: workers) { layer, predictor in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: block.shape.experts) { room in
        room.initialize(repeating: 0)
        block.withLayer(layer) { view in
          for token in 0..<view.tokens {
            let event = view.event(token)
            predictor.forecast(event, into: room)
            score(event, room)
            if learns, event.chosen.count > 0 { predictor.learn(event) }
          }
        }
      }
    }
    if learns { tokens += UInt64(block.tokens) }
  }

  /// The session of a request that begins; independent of what the model learns later.
  public func session() -> EventSession { EventSession(shape: shape) }

  /// Opens the request's next token; `task` is not looked at.
  ///
  /// - Throws: ``SessionError/notClosed`` while the token before is open.
  public func open(
    _ stage: Stage, task: String, in session: EventSession
  ) throws(SessionError) { try session.open(stage) }

  /// The probabilities of the experts of the next layer; `experts` values, valid until the session
  /// is used again.
  ///
  /// - Throws: ``SessionError`` where no token is open, or `layer` is not the next one.
  public func forecast(
    _ layer: Int, in session: EventSession
  ) throws(SessionError) -> UnsafeMutableBufferPointer<Double> {
    let event = try session.progress.event(layer, horizon: 1)
    layers[layer].forecast(event, into: session.probabilities)
    return session.probabilities
  }

  /// Notes the experts that the router chose at the next layer.
  ///
  /// - Throws: ``SessionError`` where they are no choice of the shape's router, or `layer` is not
  ///   the next.
  public func observe(
    _ chosen: Span<UInt16>, layer: Int, in session: EventSession
  ) throws(SessionError) { try session.observe(chosen, layer: layer) }

  /// Closes the token; the session then remembers it as the previous one.
  ///
  /// - Throws: ``SessionError`` where no token is open, or layers of it are missing.
  public func close(_ session: EventSession) throws(SessionError) { try session.close() }

  /// The model itself: it keeps nothing of requests under way.
  public var withoutRequests: Self { self }

  /// Adds another shard's counts, cell by cell.
  ///
  /// - Complexity: O(cells of all columns).
  public mutating func join(_ other: Self, share: ShardShare) {
    for layer in layers.indices {
      for column in Predictor.columns {
        let values = other.layers[layer][keyPath: column.values]
        for index in values.indices {
          layers[layer][keyPath: column.values][index] &+= values[index]
        }
      }
    }
    tokens += other.tokens
  }

  /// Whether `tokens` more can be counted with no cell passing 31 bits, were every expert of every
  /// token counted in the same cell.
  public func hasRoom(for tokens: Int) -> Bool {
    self.tokens + UInt64(tokens) <= UInt64(LayerCounts.maximumTokens / shape.topK)
  }

  /// Whether the counts of both together stay within that bound.
  public func hasRoom(for other: Self) -> Bool { hasRoom(for: Int(clamping: other.tokens)) }

  /// Passes the number of tokens and each of the predictor's columns through `coder`, a column for
  /// all layers together: `[layer, value]`.
  ///
  /// - Complexity: O(cells of all columns).
  public mutating func code<Coder: StateCoder & ~Copyable>(
    with coder: inout Coder, places: Int
  ) throws(Coder.Failure) {
    var count = [tokens]
    try coder.code("tokens", &count, note: "tokens counted")
    tokens = count[0]
    for column in Predictor.columns {
      var all = layers.flatMap { $0[keyPath: column.values] }
      let each = all.count / layers.count
      try coder.code(column.name, &all, note: column.note)
      guard Coder.isReader else { continue }
      for layer in layers.indices {
        layers[layer][keyPath: column.values] = Array(all[layer * each..<(layer + 1) * each])
      }
    }
  }

  /// What is wrong with counts that were read: more tokens than the stream had, or a cell above
  /// `tokens` times top-k. Nil for sound counts.
  ///
  /// - Complexity: O(cells of all columns).
  public func fault(tokens: Int, chosen: [[UInt32]]) -> String? {
    let most = UInt64(tokens) * UInt64(shape.topK)
    guard self.tokens <= UInt64(tokens),
      layers.allSatisfy({ layer in
        Predictor.columns.allSatisfy { layer[keyPath: $0.values].allSatisfy { $0 <= most } }
      })
    else { return "counts more than \(tokens) tokens can have chosen" }
    return nil
  }
}

/// What makes an ``EventModel``. There are no hyperparameters; sizes follow from the columns of a
/// fresh predictor.
public struct EventSettings<Predictor: EventPredictor>: ModelSettings {
  /// The only settings that there are.
  public init() {}

  /// A model that has learnt nothing.
  public func model(shape: TraceShape) -> EventModel<Predictor> { EventModel(shape: shape) }

  /// Bytes that a model's columns take in memory: 4 a value.
  public func bytes(shape: TraceShape) -> Int { shape.layers * layerBytes(shape) }

  /// Bytes of the largest column, for which those of all together are taken.
  public func largestColumn(shape: TraceShape) -> Int { bytes(shape: shape) }

  /// Bytes of all columns in a file, which depend on the shape alone.
  public func codedBytes(shape: TraceShape, tokens: Int, places: Int) -> Int {
    8 + shape.layers * layerBytes(shape)
  }

  /// Bytes of one layer's columns; layers are as large as each other.
  private func layerBytes(_ shape: TraceShape) -> Int {
    let layer = Predictor(shape: shape, layer: 0)
    return Predictor.columns.reduce(0) { $0 + 4 * layer[keyPath: $1.values].count }
  }
}

extension PredictorSpec {
  /// A predictor that counts events in tables of its own, called `name` on command lines and in
  /// files. Hand it to ``PredictorCatalog/adding(_:)`` as ``PredictorCatalog/Entry/one(_:)``, or to
  /// a learner directly.
  public static func counting<Predictor: EventPredictor>(
    events: Predictor.Type, named name: String
  ) -> PredictorSpec { .learning(name, EventSettings<Predictor>()) }
}
