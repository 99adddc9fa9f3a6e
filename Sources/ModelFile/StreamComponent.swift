import HDF5
import Prequential

/// The digests by which the stream is recognised again: `stream/checksums`.
enum StreamComponent: Component {
  static let groups = ["stream"]

  /// Writes the checksums of all chunks.
  static func write(_ learner: Learner, to file: borrowing ModelWriter) throws(H5Error) {
    var group = try file.group("stream")
    let checksums = learner.progress.checksums
    let chunk = try group.createAxis(
      "chunk", checksums.indices.map { UInt32($0) }, note: "chunk of the stream, in order")
    try group.create(
      "checksums", checksums, axes: [chunk],
      note: "XXH32 of the chunk's payload, as its frame has it")
    try group.finish()
  }

  /// Reads as many checksums as there are chunks, by what ``PastComponent`` left to the stream.
  static func read(
    into state: inout LearnerState, from file: borrowing ModelReader
  ) throws(H5Error) {
    var group = try file.group("stream")
    let chunks = try group.places("chunk")
    guard UInt64(chunks) == state.progress.chunks else {
      throw H5Error(
        .mismatch, at: "/stream", "lists \(chunks) chunks of the \(state.progress.chunks) passed")
    }
    state.progress.checksums = try group.read("checksums", shape: [chunks])
    try group.finish()
  }
}
