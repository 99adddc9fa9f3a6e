import Counting

/// A forecast of which experts an event will choose, as a formula over the counts that a layer
/// keeps for all such predictors; it holds no state of its own.
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
  /// The name by which command lines, catalogs and model files call the predictor; no two
  /// predictors of one catalog share it.
  var name: String { get }
  /// The pair tables that the learner must keep for this predictor, beside the frequencies, which
  /// it always keeps. Each costs `4 E^2` bytes a layer.
  var tables: CountTables { get }
  /// How ``EventScorer`` can rank experts without computing all probabilities, for a formula that
  /// it knows; nil, the default, makes it call ``forecast(_:counts:prior:into:)`` for every event,
  /// which is about ten times as slow.
  var rule: ScoringRule? { get }

  /// Writes every expert's probability; they sum to 1.
  ///
  /// - Parameters:
  ///   - event: its choice, `Counting/Event/chosen`, is what is forecast and must not be looked at.
  ///   - prior: `P0`, from `Counting/CountsView/prior(into:)` for this event.
  ///   - probabilities: `experts` values to fill.
  func forecast(
    _ event: Event, counts: CountsView, prior: UnsafeMutableBufferPointer<Double>,
    into probabilities: UnsafeMutableBufferPointer<Double>)
}
