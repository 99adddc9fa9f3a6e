import Forecast
import MemoryBudget
import ModelFile
import Prequential
import RoutingTrace

/// Where a training begins: with a learner that knows nothing, with what an older model knows, or
/// where a checkpoint left off.
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

  /// A learner that knows what `checkpoint` does, before a stream of traces of `shape`: its figures
  /// start anew, and what was learnt before is its past.
  ///
  /// - Parameters:
  ///   - specs: the predictors to go on with; nil for all of the checkpoint's.
  ///   - recallAt: the n of recall@n to note; nil for the checkpoint's.
  ///   - model: the file it will be kept in, whose limits it must keep; nil for none.
  /// - Throws: `ModelError` where the checkpoint is of another model, or lacks a predictor.
  public static func continuing(
    _ checkpoint: consuming Checkpoint, on shape: TraceShape, predictors specs: [PredictorSpec]?,
    recallAt: [Int]? = nil, model: String? = nil
  ) throws(ModelError) -> Learner {
    let path = checkpoint.path
    let learner = checkpoint.learner
    guard learner.shape.isOfSameModel(as: shape) else {
      throw ModelError(
        .mismatch, file: path,
        problem: "it is a model of \(learner.shape), the traces have \(shape)",
        remedy: "give traces of the same model, or train without --from")
    }
    if let lacking = specs?.first(where: { !learner.specs.contains($0) }) {
      throw ModelError(
        .mismatch, file: path,
        problem: "it has no predictor \(lacking.name), only "
          + learner.predictors.joined(separator: ","),
        remedy: "name some of these with --predictors, or train without --from")
    }
    let specs = specs ?? learner.specs
    if let model {
      try ModelLimits.check(model, shape: shape, predictors: specs, recallAt: recallAt)
    }
    return (learner.keeping(specs) ?? learner).scoringAnew(recallAt: recallAt)
  }

  /// The learner of `checkpoint`, with `stream` behind the chunks that it has seen.
  ///
  /// - Parameters:
  ///   - specs: the predictors asked for, which must be the checkpoint's; nil where none were.
  ///   - recallAt: the n of recall@n asked for, likewise.
  /// - Throws: `ModelError` where the checkpoint has other predictors, or noted another recall;
  ///   `TraceError` where the stream is another one or ends before; `CancellationError` where the
  ///   stream was cancelled.
  public static func resuming(
    _ checkpoint: consuming Checkpoint, _ stream: inout TraceStream,
    predictors specs: [PredictorSpec]? = nil, recallAt: [Int]? = nil
  ) throws -> Learner {
    let path = checkpoint.path
    let learner = checkpoint.learner
    if let specs, specs != learner.specs {
      throw ModelError(
        .mismatch, file: path,
        problem: "it learns " + learner.predictors.joined(separator: ",") + ", not "
          + specs.names.joined(separator: ","),
        remedy: "go on without --predictors, or train anew without --resume")
    }
    if let recallAt, recallAt != learner.recallAt {
      let noted = learner.recallAt.map(\.description).joined(separator: ",")
      throw ModelError(
        .mismatch, file: path, problem: "it notes recall at \(noted)",
        remedy: "go on without --recall-at, or train anew without --resume")
    }
    try stream.skip(learner.progress)
    return learner
  }
}
