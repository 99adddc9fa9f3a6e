// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions have the names of moecast.h, which says what callers need to know.

import CLibrary
import Glibc
import ModelFile
import Prequential
import RoutingTrace
import Training

/// The version of `moecast.h`, as text.
@c @implementation
public func moecast_version() -> UnsafePointer<CChar>? {
  // The header's version; a literal lives as long as the library.
  let text: StaticString = "1.0.0"
  return UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

/// Trains as `moecast train` does, from the beginning, to one model file.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_FILE`, `MOECAST_DATA`, `MOECAST_MISMATCH`,
///   `MOECAST_NO_ROOM`.
@c @implementation
public func moecast_train(
  _ count: Int, _ traces: UnsafePointer<UnsafePointer<CChar>?>?,
  _ predictors: UnsafePointer<CChar>?, _ model: UnsafePointer<CChar>?, _ threads: UInt32,
  _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answerFirst(error) {
    let model = try text(model, "model")
    let specs = try specs(predictors.map { try text($0, "predictors") })
    let stream = try TraceStream(texts(count, traces, "traces"))
    let file = try CheckpointFile(model, inputs: stream.files)
    try file.check(replacingBy: stream.shape)
    var learner = try TrainingStart.anew(
      stream.shape, predictors: specs, model: model, for: .saving)
    var run = TrainingRun()
    run.saver = CheckpointSaver(file)
    run.workers = workers(threads)
    try run.consume(stream, into: &learner)
  }
}

/// Scores a model on traces; the file stays as it is.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_FILE`, `MOECAST_DATA`, `MOECAST_MISMATCH`,
///   `MOECAST_BAD_ARGUMENT`.
@c @implementation
public func moecast_evaluate(
  _ model: UnsafePointer<CChar>?, _ count: Int, _ traces: UnsafePointer<UnsafePointer<CChar>?>?,
  _ learns: Bool, _ predictor: UInt32, _ threads: UInt32,
  _ score: UnsafeMutablePointer<moecast_score>?, _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answerFirst(error) {
    let score = try required(score, "score")
    try checkSize(score.pointee.size, of: moecast_score.self)
    let stream = try TraceStream(texts(count, traces, "traces"))
    var learner = try Checkpoint.read(text(model, "model")).learner.scoringAnew()
    guard learner.predictors.indices.contains(Int(predictor)) else {
      throw ArgumentError(
        "there is no predictor \(predictor); the model has "
          + learner.predictors.joined(separator: ", "))
    }
    var run = TrainingRun()
    run.learns = learns
    run.workers = workers(threads)
    try run.consume(stream, into: &learner)
    score.pointee.set(
      learner.score(of: Int(predictor), stages: Stage.allCases), topK: learner.shape.topK)
  }
}

/// Threads to use: as many as asked for, or one a core.
private func workers(_ threads: UInt32) -> Int {
  threads > 0 ? Int(min(threads, 1024)) : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
}
