import Counting
import RoutingTrace

/// What one predictor of a list has learnt, whichever kind of ``ForecastModel`` it is. Learners and
/// model files hold a list of them, one for each predictor with state of its own.
///
/// ```swift
/// var model = LearntModel(MixtureOptions(parts: .fast), shape: shape)
/// var book = RequestBook()
/// model.process(book.resolve(chunk.block), learns: true, workers: 2) { _, _ in }
/// ```
///
/// It passes every call on to the model inside. Calls that bring two together, such as
/// ``join(_:share:)`` or ``open(_:task:in:)``, stop the program where these are not of the same
/// settings.
public struct LearntModel: Sendable {
  /// The model itself, such as a ``Mixture``.
  public private(set) var model: any ForecastModel

  /// Wraps a model that may have learnt something already.
  public init(_ model: some ForecastModel) { self.model = model }

  /// A model of these settings that has learnt nothing.
  public init(_ settings: any ModelSettings, shape: TraceShape) {
    func made(by settings: some ModelSettings) -> LearntModel {
      LearntModel(settings.model(shape: shape))
    }
    self = made(by: settings)
  }

  /// The model where it is a ``Mixture``; nil where it is of another kind.
  public var mixture: Mixture? { model as? Mixture }

  /// Forecasts every event of `block` and, if `learns`, learns it: see
  /// ``ForecastModel/process(_:learns:workers:score:)``.
  public mutating func process(
    _ block: EventBlock, learns: Bool, workers: Int,
    score: @Sendable (Event, UnsafeMutableBufferPointer<Double>) -> Void
  ) { model.process(block, learns: learns, workers: workers, score: score) }

  /// The same knowledge without requests under way: see ``ForecastModel/withoutRequests``.
  public var withoutRequests: LearntModel { map { $0.withoutRequests } }

  /// Joins another shard: see ``ForecastModel/join(_:share:)``.
  ///
  /// - Precondition: both are models of the same settings.
  public mutating func join(_ shard: LearntModel, share: ShardShare) {
    func joined<Model: ForecastModel>(_ model: Model) -> LearntModel {
      guard let shard = shard.model as? Model else {
        preconditionFailure("models of two kinds are joined")
      }
      var model = model
      model.join(shard, share: share)
      return LearntModel(model)
    }
    self = joined(model)
  }

  /// Whether another shard can be joined with no count passing its bound.
  public func hasRoom(for other: LearntModel) -> Bool {
    func hasRoom<Model: ForecastModel>(_ model: Model) -> Bool {
      (other.model as? Model).map { model.hasRoom(for: $0) } ?? false
    }
    return hasRoom(model)
  }

  /// Writes or reads all columns: see ``ForecastModel/code(with:places:)``.
  public mutating func code<Coder: StateCoder & ~Copyable>(
    with coder: inout Coder, places: Int
  ) throws(Coder.Failure) { try model.code(with: &coder, places: places) }

  /// The model that `change` makes of this one.
  private func map(_ change: (any ForecastModel) -> any ForecastModel) -> LearntModel {
    var other = self
    other.model = change(model)
    return other
  }
}

/// One request followed event by event, with a model of any kind. The order of calls is that of
/// ``MixtureSession``: open a token, forecast and observe its layers, close it.
extension LearntModel {
  /// The state of one request, of whichever kind the model's sessions are. A copy is the same
  /// session, not another one.
  public struct Session {
    fileprivate let own: AnyObject
  }

  /// Layers ahead of the last observed one that it forecasts; 0 where it needs none of the token's
  /// layers.
  public var horizon: Int { model.horizon }

  /// The session of a request of which no token has been seen.
  public func session() -> Session {
    func session(of model: some ForecastModel) -> Session { Session(own: model.session()) }
    return session(of: model)
  }

  /// The session of a request of which no token has been seen, that may take turns with `other`:
  /// see ``ForecastModel/session(sharing:)``.
  public func session(sharing other: Session) -> Session {
    func session<Model: ForecastModel>(of model: Model) -> Session {
      Session(own: model.session(sharing: Self.session(other, of: model)))
    }
    return session(of: model)
  }

  /// Opens the request's next token.
  ///
  /// - Parameter task: the name of the request's task; empty where it is not known.
  /// - Throws: ``SessionError/notClosed`` while the token before is open.
  /// - Precondition: here and below, the session is of a model of these settings.
  public func open(
    _ stage: Stage, task: String = "", in session: Session
  ) throws(SessionError) {
    func open<Model: ForecastModel>(_ model: Model) throws(SessionError) {
      try model.open(stage, task: task, in: Self.session(session, of: model))
    }
    try open(model)
  }

  /// The probabilities of the experts of `layer`, one value an expert, valid until the session is
  /// used again.
  ///
  /// - Throws: ``SessionError`` where no token is open, or the layer is not one that can be
  ///   forecast now.
  public func forecast(
    _ layer: Int, in session: Session
  ) throws(SessionError) -> UnsafeMutableBufferPointer<Double> {
    func forecast<Model: ForecastModel>(
      _ model: Model
    ) throws(SessionError) -> UnsafeMutableBufferPointer<Double> {
      try model.forecast(layer, in: Self.session(session, of: model))
    }
    return try forecast(model)
  }

  /// What ``Mixture/bestPathMatch(in:)`` says; nil of a model of another kind.
  public func bestPathMatch(in session: Session) -> Double? {
    mixture.flatMap { mixture in
      (session.own as? MixtureSession).flatMap { mixture.bestPathMatch(in: $0) }
    }
  }

  /// Notes the experts that the router chose at the next layer.
  ///
  /// - Throws: ``SessionError`` where `layer` is not the next, or the ids are no choice of the
  ///   shape's router.
  public func observe(
    _ chosen: Span<UInt16>, layer: Int, in session: Session
  ) throws(SessionError) {
    func observe<Model: ForecastModel>(_ model: Model) throws(SessionError) {
      try model.observe(chosen, layer: layer, in: Self.session(session, of: model))
    }
    try observe(model)
  }

  /// Closes the token; it is the previous one from then on.
  ///
  /// - Throws: ``SessionError`` where no token is open, or layers of it are not observed.
  public func close(_ session: Session) throws(SessionError) {
    func close<Model: ForecastModel>(_ model: Model) throws(SessionError) {
      try model.close(Self.session(session, of: model))
    }
    try close(model)
  }

  /// The session inside, which must be of the model's kind.
  private static func session<Model: ForecastModel>(
    _ session: Session, of model: Model
  ) -> Model.Session {
    guard let own = session.own as? Model.Session else {
      preconditionFailure("a session of another kind of model")
    }
    return own
  }
}

/// Two are equal where they are of one kind and have learnt the same; tests and readers of
/// checkpoints compare them so.
extension LearntModel: Hashable {
  /// Whether both are of one kind and have learnt the same.
  public static func == (left: Self, right: Self) -> Bool {
    func equals<Model: ForecastModel>(_ model: Model) -> Bool { model == right.model as? Model }
    return equals(left.model)
  }

  /// Feeds all of the model's state to `hasher`.
  public func hash(into hasher: inout Hasher) { hasher.combine(AnyHashable(model)) }
}
