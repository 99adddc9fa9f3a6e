import Counting
import RoutingTrace

/// What one predictor of a list has learnt, whichever kind of ``ForecastModel`` it is.
public struct LearntModel: Sendable {
  /// The model itself.
  public private(set) var model: any ForecastModel

  /// Wraps a model.
  public init(_ model: some ForecastModel) { self.model = model }

  /// A model of these settings that has learnt nothing.
  public init(_ settings: any ModelSettings, shape: TraceShape) {
    func made(by settings: some ModelSettings) -> LearntModel {
      LearntModel(settings.model(shape: shape))
    }
    self = made(by: settings)
  }

  /// The model, where it is a mixture.
  public var mixture: Mixture? { model as? Mixture }

  /// As ``ForecastModel/process(_:learns:workers:score:)``.
  public mutating func process(
    _ block: EventBlock, learns: Bool, workers: Int,
    score: @Sendable (Event, UnsafeMutableBufferPointer<Double>) -> Void
  ) { model.process(block, learns: learns, workers: workers, score: score) }

  /// As ``ForecastModel/withoutRequests``.
  public var withoutRequests: LearntModel { map { $0.withoutRequests } }

  /// As ``ForecastModel/mergeablePart``.
  public var mergeablePart: LearntModel { map { $0.mergeablePart } }

  /// As ``ForecastModel/add(_:)``.
  ///
  /// - Precondition: both are models of the same settings.
  public mutating func add(_ other: LearntModel) {
    func sum<Model: ForecastModel>(_ model: Model) -> LearntModel {
      guard let other = other.model as? Model else {
        preconditionFailure("models of two kinds are added")
      }
      var sum = model
      sum.add(other)
      return LearntModel(sum)
    }
    self = sum(model)
  }

  /// As ``ForecastModel/hasRoom(for:)`` of another shard.
  public func hasRoom(for other: LearntModel) -> Bool {
    func hasRoom<Model: ForecastModel>(_ model: Model) -> Bool {
      (other.model as? Model).map { model.hasRoom(for: $0) } ?? false
    }
    return hasRoom(model)
  }

  /// As ``ForecastModel/code(with:places:)``.
  public mutating func code<Coder: StateCoder & ~Copyable>(
    with coder: inout Coder, places: Int
  ) throws(Coder.Failure) { try model.code(with: &coder, places: places) }

  private func map(_ change: (any ForecastModel) -> any ForecastModel) -> LearntModel {
    var other = self
    other.model = change(model)
    return other
  }
}

/// Sessions of a model of any kind.
extension LearntModel {
  /// A session, of whichever kind the model's is.
  public struct Session {
    fileprivate let own: AnyObject
  }

  /// As ``ForecastModel/session()``.
  public func session() -> Session {
    func session(of model: some ForecastModel) -> Session { Session(own: model.session()) }
    return session(of: model)
  }

  /// As ``ForecastModel/open(_:task:in:)``.
  ///
  /// - Precondition: here and below, the session is of a model of these settings.
  public func open(
    _ stage: Stage, task: String = "", in session: Session
  ) throws(SessionError) {
    func open<Model: ForecastModel>(_ model: Model) throws(SessionError) {
      try model.open(stage, task: task, in: Self.session(session, of: model))
    }
    try open(model)
  }

  /// As ``ForecastModel/forecast(_:in:)``.
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

  /// As ``ForecastModel/observe(_:layer:in:)``.
  public func observe(
    _ chosen: some Collection<UInt16>, layer: Int, in session: Session
  ) throws(SessionError) {
    func observe<Model: ForecastModel>(_ model: Model) throws(SessionError) {
      try model.observe(chosen, layer: layer, in: Self.session(session, of: model))
    }
    try observe(model)
  }

  /// As ``ForecastModel/close(_:)``.
  public func close(_ session: Session) throws(SessionError) {
    func close<Model: ForecastModel>(_ model: Model) throws(SessionError) {
      try model.close(Self.session(session, of: model))
    }
    try close(model)
  }

  private static func session<Model: ForecastModel>(
    _ session: Session, of model: Model
  ) -> Model.Session {
    guard let own = session.own as? Model.Session else {
      preconditionFailure("a session of another kind of model")
    }
    return own
  }
}

/// Models are equal where they are of one kind and have learnt the same.
extension LearntModel: Hashable {
  public static func == (left: Self, right: Self) -> Bool {
    func equals<Model: ForecastModel>(_ model: Model) -> Bool { model == right.model as? Model }
    return equals(left.model)
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(AnyHashable(model)) }
}
