import Counting

/// A forecast of which experts an event will choose, as a formula over the counts that a layer keeps for
/// all such predictors; it holds no state of its own.
///
/// ```swift
/// struct Uniform: CountingPredictor {
///   let name = "uniform"
///   let tables: CountTables = []
///   func forecast(
///     _ event: Event, counts: CountsView, prior: UnsafeMutableBufferPointer<Double>,
///     into probabilities: UnsafeMutableBufferPointer<Double>
///   ) {
///     probabilities.update(repeating: 1 / Double(counts.experts))
///   }
/// }
/// let catalog = PredictorCatalog.standard.adding(.counting(Uniform()))
/// ```
public protocol CountingPredictor: Sendable {
  /// The name used on the command line and in files.
  var name: String { get }
  /// The tables it reads, beside the frequencies that all have.
  var tables: CountTables { get }
  /// How events are scored without all probabilities; nil, unless given, where only they tell.
  var rule: ScoringRule? { get }

  /// Writes every expert's probability; they sum to 1.
  ///
  /// - Parameters:
  ///   - event: its choice, ``Counting/Event/chosen``, is what is forecast and must not be looked at.
  ///   - prior: `P0`, from ``Counting/CountsView/prior(into:)`` for this event.
  ///   - probabilities: `experts` values to fill.
  func forecast(
    _ event: Event, counts: CountsView, prior: UnsafeMutableBufferPointer<Double>,
    into probabilities: UnsafeMutableBufferPointer<Double>)
}
