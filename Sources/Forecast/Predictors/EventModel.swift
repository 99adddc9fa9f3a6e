import Counting
import RoutingTrace

/// A predictor that counts events in tables of its own: what it says of an event, and what it counts of
/// it. Everything else that a ``ForecastModel`` must do follows from that (``EventModel``).
public protocol EventPredictor: Hashable, Sendable {
  /// A layer of which nothing was counted.
  init(shape: TraceShape, layer: Int)

  /// Writes every expert's probability; they sum to 1.
  ///
  /// - Parameter event: its choice is what is forecast and must not be looked at.
  func forecast(_ event: Event, into probabilities: UnsafeMutableBufferPointer<Double>)

  /// Counts an event; a cell grows by at most 1 for every expert chosen.
  mutating func learn(_ event: Event)

  /// All of its state: integers that add up over the shards of a stream, as many as the shape says.
  static var columns: [EventColumn<Self>] { get }
}

/// One column of an ``EventPredictor``'s state.
public struct EventColumn<Root>: Sendable {
  /// Its name in files.
  public let name: String
  /// What its values are, for people.
  public let note: String
  /// Its values.
  public let values: any WritableKeyPath<Root, [UInt32]> & Sendable

  public init(
    _ name: String, _ values: any WritableKeyPath<Root, [UInt32]> & Sendable, note: String
  ) {
    self.name = name
    self.note = note
    self.values = values
  }
}

/// The model of an ``EventPredictor``: one of them a MoE layer.
public struct EventModel<Predictor: EventPredictor>: ForecastModel {
  public let shape: TraceShape
  public var horizon: Int { 1 }
  private var layers: [Predictor]
  /// Tokens counted.
  private var tokens: UInt64 = 0

  /// A model that has learnt nothing.
  public init(shape: TraceShape) {
    self.shape = shape
    layers = (0..<shape.layers).map { Predictor(shape: shape, layer: $0) }
  }

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

  public func session() -> EventSession { EventSession(shape: shape) }

  public func open(
    _ stage: Stage, task: String, in session: EventSession
  ) throws(SessionError) { try session.open(stage) }

  public func forecast(
    _ layer: Int, in session: EventSession
  ) throws(SessionError) -> UnsafeMutableBufferPointer<Double> {
    let event = try session.progress.event(layer, horizon: 1)
    layers[layer].forecast(event, into: session.probabilities)
    return session.probabilities
  }

  public func observe(
    _ chosen: some Collection<UInt16>, layer: Int, in session: EventSession
  ) throws(SessionError) { try session.observe(chosen, layer: layer) }

  public func close(_ session: EventSession) throws(SessionError) { try session.close() }

  public var withoutRequests: Self { self }

  public var mergeablePart: Self { self }

  public mutating func add(_ other: Self) {
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

  public func hasRoom(for tokens: Int) -> Bool {
    self.tokens + UInt64(tokens) <= UInt64(LayerCounts.maximumTokens / shape.topK)
  }

  public func hasRoom(for other: Self) -> Bool { hasRoom(for: Int(clamping: other.tokens)) }

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

/// The settings of an ``EventModel``, which has none.
public struct EventSettings<Predictor: EventPredictor>: ModelSettings {
  public init() {}

  public func model(shape: TraceShape) -> EventModel<Predictor> { EventModel(shape: shape) }

  public func bytes(shape: TraceShape) -> Int { shape.layers * layerBytes(shape) }

  public func largestColumn(shape: TraceShape) -> Int { bytes(shape: shape) }

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
  /// A predictor that counts events in tables of its own.
  public static func counting<Predictor: EventPredictor>(
    events: Predictor.Type, named name: String
  ) -> PredictorSpec { .learning(name, EventSettings<Predictor>()) }
}
