import HDF5
import Prequential
import RoutingTrace

/// What was learnt before the model's own stream: `past`, which is there only where something was.
enum PastComponent: Component {
  static let groups = ["past"]

  /// Writes a row a generation, and the digests of all of them, one after another.
  static func write(_ learner: Learner, to file: borrowing ModelWriter) throws(H5Error) {
    let past = learner.past
    guard !past.isEmpty else { return }
    var group = try file.group("past")
    let generation = try group.createAxis(
      "generation", past.indices.map { UInt32($0) },
      note: "what was learnt before the stream, the oldest first")
    try group.create(
      "streams", past.map { UInt64($0.streams) }, axes: [generation],
      note: "streams that were learnt, merged where there are several")
    try group.create(
      "chunks", past.map(\.learnt.chunks), axes: [generation], note: "chunks learnt")
    try group.create(
      "tokens", past.map(\.learnt.tokens), axes: [generation], note: "tokens learnt")
    try group.create(
      "requests", past.map(\.learnt.requests), axes: [generation], note: "requests begun")
    let checksums = past.flatMap(\.learnt.checksums)
    let chunk = try group.createAxis(
      "chunk", checksums.indices.map { UInt32($0) },
      note: "chunk learnt, one generation after another")
    try group.create(
      "checksums", checksums, axes: [chunk],
      note: "XXH32 of the payloads of every generation's chunks, sorted where streams were merged")
    try group.finish()
  }

  /// Reads the same columns, and leaves the rest of the root's sums to the stream.
  static func read(
    into state: inout LearnerState, from file: borrowing ModelReader
  ) throws(H5Error) {
    let header = file.header
    var own = StreamProgress()
    (own.chunks, own.tokens, own.events) = (header.chunks, header.tokens, header.events)
    own.requests = header.requests
    defer { state.progress = own }
    guard try file.hasGroup("past") else { return }
    var group = try file.group("past")
    let rows = try group.places("generation")
    let streams: [UInt64] = try group.read("streams", shape: [rows])
    let chunks: [UInt64] = try group.read("chunks", shape: [rows])
    let tokens: [UInt64] = try group.read("tokens", shape: [rows])
    let requests: [UInt64] = try group.read("requests", shape: [rows])
    let listed = header.version < 3 ? nil : try group.places("chunk")
    let digests: [UInt32] = try group.column("checksums")
    guard listed ?? digests.count == digests.count else {
      throw H5Error(.mismatch, at: "/past/chunk", "is not the axis of checksums")
    }
    try group.finish()
    var first = 0
    for row in 0..<rows {
      guard chunks[row] <= own.chunks, tokens[row] <= own.tokens, requests[row] <= own.requests,
        tokens[row] > 0, (1...tokens[row]).contains(streams[row]),
        chunks[row] <= digests.count - first
      else {
        throw H5Error(
          .mismatch, at: "/past", "tells in row \(row) what is not part of the model's totals")
      }
      var learnt = StreamProgress()
      (learnt.chunks, learnt.tokens, learnt.requests) = (chunks[row], tokens[row], requests[row])
      learnt.events = tokens[row] * UInt64(header.shape.layers)
      learnt.checksums = Array(digests[first..<first + Int(chunks[row])])
      first += Int(chunks[row])
      own.chunks -= learnt.chunks
      own.tokens -= learnt.tokens
      own.events -= learnt.events
      own.requests -= learnt.requests
      state.past.append(Generation(learnt, streams: Int(clamping: streams[row])))
    }
    guard rows > 0, first == digests.count else {
      throw H5Error(
        .mismatch, at: "/past", "lists \(digests.count) chunks in \(rows) rows of \(first)")
    }
  }
}
