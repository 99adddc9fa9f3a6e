import Forecast
import MemoryBudget
import ModelFile
import Prequential
import RoutingTrace

/// Where a training begins: with a learner that knows nothing, or where a checkpoint left off.
public enum TrainingStart {
  /// A learner that knows nothing, made once there is known to be memory for it.
  ///
  /// - Parameters:
  ///   - model: the file it will be kept in, whose limits it must keep; nil for none.
  ///   - use: what becomes of its tables, which decides how much memory they take.
  ///   - option: the option by which a user chooses predictors, for messages.
  /// - Throws: `ModelError` where the file could never be read again, `MemoryShortage`.
  public static func anew(
    _ shape: TraceShape, predictors specs: [PredictorSpec], recallAt: [Int]? = nil,
    model: String? = nil, for use: Learner.Use = .saving, option: String? = nil
  ) throws -> Learner {
    if let model {
      try ModelLimits.check(model, shape: shape, predictors: specs, recallAt: recallAt)
    }
    try AvailableMemory.ofThisProcess().check(
      Learner.memoryDemand(shape: shape, predictors: specs, for: use, option: option))
    return Learner(shape: shape, predictors: specs, recallAt: recallAt)
  }

  /// The learner of `checkpoint`, with `stream` behind the chunks that it has seen.
  ///
  /// - Throws: `TraceError` where the stream is another one or ends before; `CancellationError`
  ///   where the stream was cancelled.
  public static func resuming(
    _ checkpoint: consuming Checkpoint, _ stream: inout TraceStream
  ) throws -> Learner {
    let learner = checkpoint.learner
    try stream.skip(learner.progress)
    return learner
  }
}
