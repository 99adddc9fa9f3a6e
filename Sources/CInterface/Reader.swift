// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions have the names of moecast.h, which says what callers need to know.

import CLibrary
import RoutingTrace

/// What `moecast_reader` is: a stream, and the chunk that its caller looks at.
final class Reader {
  private var stream: TraceStream
  let shape: ForeignShape
  private var chunk: ForeignChunk?

  init(_ traces: [String]) throws {
    stream = try TraceStream(traces)
    shape = ForeignShape(stream.shape)
  }

  /// The next chunk, which lives until the next call; nil at the end.
  func next() throws -> ForeignChunk? {
    chunk = nil
    chunk = try stream.next().map { ForeignChunk($0.block) }
    return chunk
  }
}

/// A chunk as C sees it, in memory that lives as long as its owner.
final class ForeignChunk {
  private let block: TokenBlock
  private let runs: [moecast_run]
  private let requests: [UInt64]
  private let texts: [ForeignText]
  private let names: [UnsafePointer<CChar>?]
  private let tasks: [UnsafePointer<CChar>?]
  /// The chunk; its pointers are this object's.
  private(set) var value = moecast_chunk()

  init(_ block: TokenBlock) {
    self.block = block
    runs = block.runs.map {
      moecast_run(
        request: $0.request, first_token: UInt64($0.firstToken), count: UInt32($0.count),
        stage: $0.stage.rawValue, ends_request: $0.endsRequest ? 1 : 0, reserved: 0)
    }
    requests = block.labels.map(\.request)
    let names = block.labels.map { ForeignText($0.name) }
    let tasks = block.labels.map { ForeignText($0.task) }
    texts = names + tasks
    self.names = names.map(\.pointer)
    self.tasks = tasks.map(\.pointer)
    value.tokens = block.tokens
    value.runs = runs.count
    value.labels = requests.count
    // Arrays of `let` properties are never copied or moved while this object lives.
    value.run = runs.withUnsafeBufferPointer(\.baseAddress)
    value.ids = block.ids.withUnsafeBufferPointer(\.baseAddress)
    value.weights = block.weights?.withUnsafeBytes {
      $0.baseAddress?.assumingMemoryBound(to: UInt16.self)
    }
    value.label_request = requests.withUnsafeBufferPointer(\.baseAddress)
    value.label_name = self.names.withUnsafeBufferPointer(\.baseAddress)
    value.label_task = self.tasks.withUnsafeBufferPointer(\.baseAddress)
  }
}

/// Opens traces as one stream, and gives a reader of it out.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_FILE`, `MOECAST_DATA`, `MOECAST_MISMATCH`.
@c @implementation
public func moecast_reader_open(
  _ count: Int, _ traces: UnsafePointer<UnsafePointer<CChar>?>?,
  _ reader: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answerFirst(error) {
    let reader = try required(reader, "reader")
    reader.pointee = Handle.give(try Reader(texts(count, traces, "traces")))
  }
}

/// Fills in the shape, whose pointers are the reader's.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_BAD_ARGUMENT`.
@c @implementation
public func moecast_reader_shape(
  _ reader: OpaquePointer?, _ shape: UnsafeMutablePointer<moecast_shape>?,
  _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) {
    let own: Reader = try Handle.object(reader, "reader")
    try required(shape, "shape").pointee = own.shape.value
  }
}

/// Verifies and lends the next chunk; nothing of it is left at the end.
///
/// - Returns: `MOECAST_OK`, or `MOECAST_FILE`, `MOECAST_DATA`.
@c @implementation
public func moecast_reader_next(
  _ reader: OpaquePointer?, _ chunk: UnsafeMutablePointer<moecast_chunk>?,
  _ error: UnsafeMutablePointer<moecast_error>?
) -> moecast_status {
  answer(error) {
    let own: Reader = try Handle.object(reader, "reader")
    let chunk = try required(chunk, "chunk")
    chunk.pointee = try own.next()?.value ?? moecast_chunk()
  }
}

/// Takes a reader back, with the chunk that it lent.
@c @implementation
public func moecast_reader_close(_ reader: OpaquePointer?) {
  _ = Handle.takeBack(reader, as: Reader.self)
}
