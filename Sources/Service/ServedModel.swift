import Live
import Locking
import Prequential
import RoutingTrace

/// The model that a service forecasts with, until another takes its place.
public final class ServedModel: Sendable {
  /// What forecasts and learns.
  public let live: LiveForecaster
  /// Experts told of the sets of recall: 1, K, 2K and 4K.
  public let recallAt: [Int]
  /// Tokens that the model on the disk has learnt, and when it was written; nil where it was not.
  let saved: Guarded<(tokens: UInt64, at: UInt64)?>

  /// Forecasts with `learner`.
  ///
  /// - Throws: what creating the trace that is recorded to throws.
  init(_ learner: Learner, options: LiveForecaster.Options) throws {
    live = try LiveForecaster(learner, options: options)
    let topK = learner.shape.topK
    recallAt = [1, topK, 2 * topK, 4 * topK].map { min($0, learner.shape.experts) }
    saved = Guarded(nil)
  }
}
