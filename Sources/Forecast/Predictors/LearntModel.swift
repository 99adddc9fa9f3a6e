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

/// Models are equal where they are of one kind and have learnt the same.
extension LearntModel: Hashable {
  public static func == (left: Self, right: Self) -> Bool {
    func equals<Model: ForecastModel>(_ model: Model) -> Bool { model == right.model as? Model }
    return equals(left.model)
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(AnyHashable(model)) }
}
