/// A forecast of which experts an event will choose, as a probability for every expert.
///
/// A predictor is a formula over what a layer has learnt; it holds no state of its own.
public protocol Predictor: Sendable {
  /// The name used on the command line and in files.
  var name: String { get }
  /// The tables it reads, beside the frequencies that all have.
  var tables: CountTables { get }

  /// Writes every expert's probability; they sum to 1.
  ///
  /// - Parameters:
  ///   - prior: `P0`, from ``CountsView/prior(into:)`` for this event.
  ///   - probabilities: `experts` values to fill.
  func forecast(
    _ event: Event, counts: CountsView, prior: UnsafeMutableBufferPointer<Double>,
    into probabilities: UnsafeMutableBufferPointer<Double>)
}

/// The counting predictors; mixtures are known by ``MixtureOptions/init(name:)``.
public enum Predictors {
  /// All of them, simplest first.
  public static let all: [any Predictor] = [
    Frequency(), LayerMarkov(), LayerProduct(), TokenMarkov(),
  ]

  /// What `train` learns unless told otherwise: the counting predictors, whose tables others use,
  /// and the best forecast there is.
  public static let standard = all.map(\.name) + ["mixture"]

  /// The predictor called `name`, or nil.
  public static func named(_ name: String) -> (any Predictor)? {
    all.first { $0.name == name }
  }
}
