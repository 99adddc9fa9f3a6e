// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions have the names of moecast.h, which says what callers need to know.

import CLibrary
import DurableFile
import LZ4Frame
import PathText
import RoutingTrace
import SystemPackage

/// What `moecast_writer` is: a trace on its way to its name.
final class Writer {
  /// The file under its temporary name, gone when let go before it is finished.
  private final class Sink: ByteSink {
    var file: DurableFile?

    init(_ path: FilePath) throws(FileError) { file = try DurableFile(replacing: path) }

    func write(_ bytes: UnsafeRawBufferPointer) throws { try file?.append(bytes) }
  }

  let shape: TraceShape
  let hasWeights: Bool
  private var writer: TraceWriter<Sink>
  /// Labels of requests that have no run yet.
  private var labels: [UInt64: RequestLabel] = [:]

  init(_ path: String, _ shape: TraceShape, hasWeights: Bool, chunkTokens: Int) throws {
    self.shape = shape
    self.hasWeights = hasWeights
    let path = FilePath(text: path)
    try OutputRule(kind: "a moecast trace", inputs: []) { path in
      (try? TraceFile(path.text)).map { (try? TraceReader($0, name: $0.name)) != nil } ?? false
    }.check(path)
    writer = try TraceWriter(
      Sink(path), header: TraceHeader(shape: shape), chunkTokens: chunkTokens)
  }

  func label(_ label: RequestLabel) throws(ArgumentError) {
    guard labels.count < 1 << 20 else { throw ArgumentError("too many labels without a run") }
    labels[label.request] = label
  }

  func append(_ run: TokenRun, ids: [UInt16], weights: [Float16]?) throws {
    guard TokenBlock.isChoice(ids, shape: shape) else {
      throw ArgumentError(
        "request \(run.request): ids are no choice of top-\(shape.topK) of \(shape.experts) experts",
        MOECAST_BAD_CHOICE)
    }
    guard weights?.allSatisfy(\.isFinite) ?? true else {
      throw ArgumentError("request \(run.request): a weight is no number", MOECAST_BAD_CHOICE)
    }
    try writer.append(
      run, label: labels[run.request], ids: ids[...], weights: weights.map { $0[...] })
    labels[run.request] = nil
  }

  func finish() throws {
    try writer.finish()
    try writer.sink.file.take()?.commit()
  }
}

/// Gives a writer out, whose file gets its name when it is finished.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_FILE`, `MOECAST_BAD_ARGUMENT`.
@c @implementation
public func moecast_writer_create(
  _ path: UnsafePointer<CChar>?, _ shape: UnsafePointer<moecast_shape>?, _ hasWeights: Bool,
  _ chunkTokens: UInt32, _ writer: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answerFirst(error) {
    let writer = try required(writer, "writer")
    let tokens = chunkTokens == 0 ? 4096 : Int(chunkTokens)
    writer.pointee = Handle.give(
      try Writer(
        text(path, "path"), TraceShape(shape), hasWeights: hasWeights, chunkTokens: tokens))
  }
}

/// Keeps a request's name and task for its first run.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_BAD_ARGUMENT`.
@c @implementation
public func moecast_writer_label(
  _ writer: OpaquePointer?, _ request: UInt64, _ name: UnsafePointer<CChar>?,
  _ task: UnsafePointer<CChar>?, _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) {
    let own: Writer = try Handle.object(writer, "writer")
    try own.label(
      RequestLabel(
        request: request, name: optionalText(name, "name"), task: optionalText(task, "task")))
  }
}

/// Appends `[count, layers, topK]` ids and weights of one request, checked before any is taken.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_BAD_CHOICE`, `MOECAST_BAD_ARGUMENT`, `MOECAST_FILE`.
@c @implementation
public func moecast_writer_append(
  _ writer: OpaquePointer?, _ run: UnsafePointer<moecast_run>?, _ ids: UnsafePointer<UInt16>?,
  _ weights: UnsafePointer<UInt16>?, _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) {
    let own: Writer = try Handle.object(writer, "writer")
    let run = try required(run, "run").pointee
    guard let stage = Stage(rawValue: run.stage) else {
      throw ArgumentError("stage \(run.stage) is neither prefill (0) nor decode (1)")
    }
    guard run.first_token <= UInt64(UInt32.max) else {
      throw ArgumentError("first_token \(run.first_token) does not fit 32 bits")
    }
    guard (weights != nil) == own.hasWeights || run.count == 0 else {
      throw ArgumentError(
        own.hasWeights
          ? "weights is NULL in a trace that has them"
          : "weights are given in a trace that has none")
    }
    let size = try product(Int(run.count), own.shape.idsPerToken)
    let ids = try Array(values(size, ids, "ids"))
    let halves =
      try own.hasWeights
      ? values(size, weights, "weights").map { Float16(bitPattern: $0) } : nil
    try own.append(
      TokenRun(
        request: run.request, stage: stage, firstToken: Int(run.first_token),
        count: Int(run.count), endsRequest: run.ends_request != 0), ids: ids, weights: halves)
  }
}

/// Takes a writer back, and gives its file its name.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_FILE`; there is no new file then.
@c @implementation
public func moecast_writer_finish(
  _ writer: OpaquePointer?, _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) { try Handle.takeBack(writer, as: Writer.self)?.finish() }
}

/// Takes a writer back, and leaves no file.
@c @implementation
public func moecast_writer_discard(_ writer: OpaquePointer?) {
  _ = Handle.takeBack(writer, as: Writer.self)
}
