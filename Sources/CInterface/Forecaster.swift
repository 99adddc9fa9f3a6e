// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions have the names of moecast.h, which says what callers need to know.

import CLibrary
import Forecast
import Live
import ModelFile
import Prequential
import RoutingTrace
import Training

/// What `moecast_forecaster` is.
final class Forecaster {
  let live: LiveForecaster
  let shape: ForeignShape
  let predictors: ForeignText

  init(_ learner: Learner, _ options: LiveForecaster.Options) throws {
    live = try LiveForecaster(learner, options: options)
    shape = ForeignShape(learner.shape)
    predictors = ForeignText(learner.predictors.joined(separator: ","))
  }
}

/// What a caller wants of a forecaster.
private struct ForecasterOptions {
  var predictors: String?
  var live = LiveForecaster.Options()

  init(_ options: UnsafePointer<moecast_options>?) throws(ArgumentError) {
    guard let options = options?.pointee else { return }
    guard options.size == MemoryLayout<moecast_options>.size else {
      throw ArgumentError(
        "options: size is \(options.size), not sizeof(moecast_options), which is "
          + "\(MemoryLayout<moecast_options>.size)")
    }
    if options.predictors != nil { predictors = try text(options.predictors, "predictors") }
    live.learns = options.learn
    if options.max_requests > 0 { live.maximumRequests = Int(options.max_requests) }
    if options.record != nil { live.recording = try text(options.record, "record") }
  }
}

/// Reads the newest intact generation of a model file, and gives a forecaster of it out.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_FILE`, `MOECAST_DATA`, `MOECAST_BAD_ARGUMENT`.
@c @implementation
public func moecast_forecaster_open(
  _ model: UnsafePointer<CChar>?, _ options: UnsafePointer<moecast_options>?,
  _ forecaster: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answerFirst(error) {
    let forecaster = try required(forecaster, "forecaster")
    let options = try ForecasterOptions(options)
    guard options.predictors == nil else {
      throw ArgumentError("predictors are the model's own; leave them NULL")
    }
    let learner = try Checkpoint.readNewest(of: text(model, "model")).learner
    forecaster.pointee = Handle.give(try Forecaster(learner, options.live))
  }
}

/// Gives a forecaster out that has learnt nothing, once there is known to be memory for its tables.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_BAD_ARGUMENT`, `MOECAST_NO_ROOM`.
@c @implementation
public func moecast_forecaster_create(
  _ shape: UnsafePointer<moecast_shape>?, _ options: UnsafePointer<moecast_options>?,
  _ forecaster: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answerFirst(error) {
    let forecaster = try required(forecaster, "forecaster")
    let wanted = try ForecasterOptions(options)
    let learner = try TrainingStart.anew(
      TraceShape(shape), predictors: specs(wanted.predictors), for: .checkpoints)
    forecaster.pointee = Handle.give(try Forecaster(learner, wanted.live))
  }
}

/// Predictors by their names, with commas.
func specs(_ names: String?) throws -> [PredictorSpec] {
  try PredictorCatalog.standard.specs(
    named: (names ?? "mixture").split(separator: ",").map(String.init))
}

/// Takes a forecaster back, learns what is closed, and ends its recording.
///
/// - Returns: `MOECAST_OK`, or what went wrong with learning or recording.
@c @implementation
public func moecast_forecaster_close(
  _ forecaster: OpaquePointer?, _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) { try Handle.takeBack(forecaster, as: Forecaster.self)?.live.finish() }
}

/// Fills in the shape, whose pointers are the forecaster's.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_BAD_ARGUMENT`.
@c @implementation
public func moecast_forecaster_shape(
  _ forecaster: OpaquePointer?, _ shape: UnsafeMutablePointer<moecast_shape>?,
  _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) {
    let own: Forecaster = try Handle.object(forecaster, "forecaster")
    try required(shape, "shape").pointee = own.shape.value
  }
}

/// The predictors' names with commas, which are the forecaster's; NULL for NULL.
@c @implementation
public func moecast_forecaster_predictors(_ forecaster: OpaquePointer?) -> UnsafePointer<CChar>? {
  try? (Handle.object(forecaster, "forecaster") as Forecaster).predictors.pointer
}

/// Tells how many layers ahead a predictor forecasts.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_BAD_ARGUMENT`.
@c @implementation
public func moecast_forecaster_horizon(
  _ forecaster: OpaquePointer?, _ predictor: UInt32, _ horizon: UnsafeMutablePointer<UInt32>?,
  _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) {
    let own: Forecaster = try Handle.object(forecaster, "forecaster")
    let horizons = own.live.horizons
    guard horizons.indices.contains(Int(predictor)) else {
      throw LiveError.predictor(Int(predictor), known: own.live.predictors)
    }
    try required(horizon, "horizon").pointee = UInt32(horizons[Int(predictor)])
  }
}

/// Begins a request: `Live/LiveForecaster/begin(_:task:from:)`.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_OUT_OF_ORDER` where it is under way.
@c @implementation
public func moecast_request_begin(
  _ forecaster: OpaquePointer?, _ request: UInt64, _ task: UnsafePointer<CChar>?,
  _ position: UInt64, _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) {
    let own: Forecaster = try Handle.object(forecaster, "forecaster")
    try own.live.begin(request, task: optionalText(task, "task"), from: position)
  }
}

/// Ends `n` requests, or none: `Live/LiveForecaster/end(_:)`.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_UNKNOWN_REQUEST`.
@c @implementation
public func moecast_request_end(
  _ forecaster: OpaquePointer?, _ count: Int, _ requests: UnsafePointer<UInt64>?,
  _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) {
    let own: Forecaster = try Handle.object(forecaster, "forecaster")
    try own.live.end(values(count, requests, "requests").span)
  }
}

/// Opens the next token of `n` requests, or of none: `Live/LiveForecaster/open(_:stage:)`.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_UNKNOWN_REQUEST`, `MOECAST_OUT_OF_ORDER`.
@c @implementation
public func moecast_open_tokens(
  _ forecaster: OpaquePointer?, _ count: Int, _ requests: UnsafePointer<UInt64>?,
  _ stages: UnsafePointer<UInt8>?, _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) {
    let own: Forecaster = try Handle.object(forecaster, "forecaster")
    let requests = try values(count, requests, "requests")
    guard let stages else { return try own.live.open(requests.span) { _ in .decode } }
    let rows = UnsafeBufferPointer(start: stages, count: requests.count)
    guard let wrong = rows.first(where: { Stage(rawValue: $0) == nil }) else {
      return try own.live.open(requests.span) { Stage(rawValue: rows[$0]) ?? .decode }
    }
    throw ArgumentError("stage \(wrong) is neither prefill (0) nor decode (1)")
  }
}

/// Notes `[n, topK]` ids at a layer, or nothing: `Live/LiveForecaster/observe(_:layer:ids:)`.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_UNKNOWN_REQUEST`, `MOECAST_OUT_OF_ORDER`,
///   `MOECAST_BAD_CHOICE`.
@c @implementation
public func moecast_observe(
  _ forecaster: OpaquePointer?, _ count: Int, _ requests: UnsafePointer<UInt64>?, _ layer: UInt32,
  _ ids: UnsafePointer<UInt16>?, _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) {
    let own: Forecaster = try Handle.object(forecaster, "forecaster")
    let requests = try values(count, requests, "requests")
    let ids = try values(product(requests.count, own.live.shape.topK), ids, "ids")
    try own.live.observe(requests.span, layer: Int(layer), ids: ids.span)
  }
}

/// Writes the `[n, top]` likeliest experts of a layer, and their chances where there is room.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_UNKNOWN_REQUEST`, `MOECAST_OUT_OF_ORDER`,
///   `MOECAST_BAD_ARGUMENT`.
@c @implementation
public func moecast_forecast(
  _ forecaster: OpaquePointer?, _ predictor: UInt32, _ count: Int,
  _ requests: UnsafePointer<UInt64>?, _ layer: UInt32, _ top: UInt32,
  _ ranked: UnsafeMutablePointer<UInt16>?, _ chances: UnsafeMutablePointer<Float>?,
  _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) {
    let own: Forecaster = try Handle.object(forecaster, "forecaster")
    let requests = try values(count, requests, "requests")
    let size = try product(requests.count, Int(top))
    try own.live.forecast(
      Int(layer), by: Int(predictor), of: requests.span, top: Int(top),
      ranked: room(size, ranked, "ranked"),
      chances: chances.map { UnsafeMutableBufferPointer(start: $0, count: size) })
  }
}

/// Observes a layer and forecasts the one that is due; empty slots where none is.
///
/// - Returns: `MOECAST_OK`, or as `moecast_observe` and `moecast_forecast`.
@c @implementation
public func moecast_step(
  _ forecaster: OpaquePointer?, _ predictor: UInt32, _ count: Int,
  _ requests: UnsafePointer<UInt64>?, _ layer: UInt32, _ ids: UnsafePointer<UInt16>?,
  _ top: UInt32, _ ranked: UnsafeMutablePointer<UInt16>?, _ chances: UnsafeMutablePointer<Float>?,
  _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) {
    let own: Forecaster = try Handle.object(forecaster, "forecaster")
    let requests = try values(count, requests, "requests")
    let ids = try values(product(requests.count, own.live.shape.topK), ids, "ids")
    let size = try product(requests.count, Int(top))
    let ranked = try room(size, ranked, "ranked")
    let chances = chances.map { UnsafeMutableBufferPointer(start: $0, count: size) }
    let isDue = try own.live.step(
      requests.span, layer: Int(layer), ids: ids.span, by: Int(predictor), top: Int(top),
      ranked: ranked, chances: chances)
    guard !isDue else { return }
    ranked.update(repeating: TokenBlock.emptySlot)
    chances?.update(repeating: 0)
  }
}

/// Tells what is learnt, what waits, and how many requests are under way.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_BAD_ARGUMENT`.
@c @implementation
public func moecast_forecaster_counts(
  _ forecaster: OpaquePointer?, _ counts: UnsafeMutablePointer<moecast_counts>?,
  _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) {
    let own: Forecaster = try Handle.object(forecaster, "forecaster")
    let counts = try required(counts, "counts")
    try checkSize(counts.pointee.size, of: moecast_counts.self)
    let standing = own.live.standing
    counts.pointee.tokens_learnt = standing.tokensLearnt
    counts.pointee.tokens_waiting = UInt64(standing.tokensWaiting)
    counts.pointee.requests = UInt64(standing.requests)
  }
}

/// Waits until everything closed is learnt.
///
/// - Returns: `MOECAST_OK`, or what went wrong with it.
@c @implementation
public func moecast_forecaster_flush(
  _ forecaster: OpaquePointer?, _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) { try (Handle.object(forecaster, "forecaster") as Forecaster).live.flush() }
}

/// Writes the model as `train` does: beside the old file, read back, renamed.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_FILE`, `MOECAST_MISMATCH`; the old file is untouched then.
@c @implementation
public func moecast_forecaster_save(
  _ forecaster: OpaquePointer?, _ path: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) {
    let own: Forecaster = try Handle.object(forecaster, "forecaster")
    let path = try text(path, "path")
    // Taken first: where it cannot be written, the recorded chunk goes on.
    let file = try CheckpointFile(path)
    try file.check(replacingBy: own.live.shape)
    try own.live.withLearner { try file.write($0) }
  }
}

/// Tells a predictor's figures over what it scored before it learnt it.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_BAD_ARGUMENT`.
@c @implementation
public func moecast_forecaster_score(
  _ forecaster: OpaquePointer?, _ predictor: UInt32, _ score: UnsafeMutablePointer<moecast_score>?,
  _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) {
    let own: Forecaster = try Handle.object(forecaster, "forecaster")
    let score = try required(score, "score")
    try checkSize(score.pointee.size, of: moecast_score.self)
    score.pointee.set(
      try own.live.score(of: Int(predictor)), topK: own.live.shape.topK)
  }
}

/// Throws where a caller's struct is not the one that this library knows.
func checkSize<Struct>(_ size: Int, of kind: Struct.Type) throws(ArgumentError) {
  guard size == MemoryLayout<Struct>.size else {
    throw ArgumentError(
      "size is \(size), not sizeof(\(kind)), which is \(MemoryLayout<Struct>.size)")
  }
}

extension moecast_score {
  /// Takes the figures of `score` over.
  mutating func set(_ score: Score, topK: Int) {
    events = score.events
    recall_at_1 = score.recall(at: 1) ?? .nan
    recall_at_k = score.recall(at: topK) ?? .nan
    recall_at_2k = score.recall(at: 2 * topK) ?? .nan
    recall_at_4k = score.recall(at: 4 * topK) ?? .nan
    log_loss_bits = score.logLossBits ?? .nan
  }
}
