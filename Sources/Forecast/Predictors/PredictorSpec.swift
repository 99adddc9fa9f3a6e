import Counting
import RoutingTrace

/// A predictor that was asked for by its name: parsed once, and from then on everybody's way to it.
public struct PredictorSpec: Hashable, Sendable {
  /// What kind of predictor it is.
  public enum Family: Sendable {
    /// A formula over the counts that all of this family share.
    case counting(any CountingPredictor)
    /// One that keeps state of its own.
    case learning(any ModelSettings)
  }

  /// The name as it was given, which also stands in files.
  public let name: String
  public let family: Family

  /// A formula over counts, by its own name.
  public static func counting(_ predictor: some CountingPredictor) -> PredictorSpec {
    PredictorSpec(name: predictor.name, family: .counting(predictor))
  }

  /// A predictor with state of its own, of these settings.
  public static func learning(_ name: String, _ settings: some ModelSettings) -> PredictorSpec {
    PredictorSpec(name: name, family: .learning(settings))
  }

  /// The formula, where it is one.
  public var predictor: (any CountingPredictor)? {
    if case .counting(let predictor) = family { predictor } else { nil }
  }

  /// The settings, where it keeps state of its own.
  public var settings: (any ModelSettings)? {
    if case .learning(let settings) = family { settings } else { nil }
  }

  /// The options of a ``Mixture``, where it is one.
  public var mixture: MixtureOptions? { settings as? MixtureOptions }

  /// Whether both are of one name, which says everything.
  public static func == (left: Self, right: Self) -> Bool { left.name == right.name }

  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension [PredictorSpec] {
  /// The integer tables that the formulas among them read.
  public var tables: CountTables {
    reduce(into: CountTables()) { $0.formUnion($1.predictor?.tables ?? []) }
  }

  /// The settings of those with state of their own, in their order.
  public var settings: [any ModelSettings] { compactMap(\.settings) }

  /// Their names, in their order.
  public var names: [String] { map(\.name) }
}
