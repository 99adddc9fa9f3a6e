import Counting
import RoutingTrace

/// One predictor of a run: its name, and the formula or the settings behind that name. A name is
/// parsed once, by a ``PredictorCatalog``; learners, model files and reports then pass the spec
/// around.
///
/// ```swift
/// let formula = PredictorSpec.counting(LayerMarkov())
/// let learnt = PredictorSpec.learning("mixture-fast", MixtureOptions(parts: .fast))
/// print([formula, learnt].names)   // ["layer-markov", "mixture-fast"]
/// ```
///
/// Two specs are equal where their names are.
public struct PredictorSpec: Hashable, Sendable {
  /// The two kinds of predictor, which differ in where their state is.
  public enum Family: Sendable {
    /// A formula over integer counts that all predictors of this kind share
    /// (`Counting/LayerCounts`).
    case counting(any CountingPredictor)
    /// A predictor that keeps state of its own, and the settings it is made by.
    case learning(any ModelSettings)
  }

  /// The name as it was given, such as `mixture:h2`; model files store it.
  public let name: String
  /// Which kind the predictor is, with its formula or its settings.
  public let family: Family

  /// The spec of a formula over counts, called by the formula's own name.
  public static func counting(_ predictor: some CountingPredictor) -> PredictorSpec {
    PredictorSpec(name: predictor.name, family: .counting(predictor))
  }

  /// The spec of a predictor with state of its own.
  ///
  /// - Parameters:
  ///   - name: what it is called on command lines and in files.
  ///   - settings: what its model is made by.
  public static func learning(_ name: String, _ settings: some ModelSettings) -> PredictorSpec {
    PredictorSpec(name: name, family: .learning(settings))
  }

  /// The formula, where it is one; nil for a predictor with state of its own.
  public var predictor: (any CountingPredictor)? {
    if case .counting(let predictor) = family { predictor } else { nil }
  }

  /// The settings, where it keeps state of its own; nil for a formula.
  public var settings: (any ModelSettings)? {
    if case .learning(let settings) = family { settings } else { nil }
  }

  /// The options of a ``Mixture``, where it is one; nil for any other predictor.
  public var mixture: MixtureOptions? { settings as? MixtureOptions }

  /// Whether both have one name: a name says everything about a predictor.
  public static func == (left: Self, right: Self) -> Bool { left.name == right.name }

  /// Feeds the name to `hasher`.
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension [PredictorSpec] {
  /// The pair tables that the formulas among them read: those that a learner must keep.
  public var tables: CountTables {
    reduce(into: CountTables()) { $0.formUnion($1.predictor?.tables ?? []) }
  }

  /// The settings of those with state of their own, in their order; a learner keeps one model for
  /// each.
  public var settings: [any ModelSettings] { compactMap(\.settings) }

  /// Their names, in their order.
  public var names: [String] { map(\.name) }
}
