import LZ4Frame
import RoutingTrace

/// Chunks from memory and from a file in the page cache, verified, beside lz4's own decoding of the
/// same blocks and a memory copy.
func decode(_ trace: SyntheticTrace, _ rounds: Rounds) throws -> [ResultRow] {
  let blocks = LZ4Blocks(trace.chunks)
  let folder = try TemporaryFolder()
  defer { folder.remove() }
  try folder.write(trace.bytes, to: "trace")
  var tokens = 0
  func read(_ source: some ByteSource) throws {
    tokens = 0
    var reader = try TraceReader(source, name: trace.name)
    while let chunk = try reader.next() { tokens += chunk.block.tokens }
  }
  let seconds = try rounds.medians([
    { try read(MemorySource(trace.bytes)) },
    { try read(TraceFile(folder.path + "/trace")) },
    { blocks.decode() },
    { blocks.copy() },
  ])
  guard tokens == trace.tokens else { throw BenchmarkError.differs("tokens written and read") }
  let megabytes = Double(blocks.bytes) / 1e6
  return [
    ResultRow(
      what: "chunk decode, verified, \(trace.name)", unit: "MB/s", ours: megabytes / seconds[0],
      ceiling: megabytes / seconds[2], ceilingName: "lz4 block decode"),
    ResultRow(
      what: "the same from a file", unit: "MB/s", ours: megabytes / seconds[1],
      ceiling: megabytes / seconds[2], ceilingName: "lz4 block decode"),
    ResultRow(
      what: "the same from memory", unit: "MB/s", ours: megabytes / seconds[0],
      ceiling: megabytes / seconds[3], ceilingName: "memory copy"),
  ]
}

/// Requests to chunks in memory, beside lz4's own compression of the same bytes.
func write(_ trace: SyntheticTrace, _ rounds: Rounds) throws -> ResultRow {
  let requests = tokenMajor(trace)
  let blocks = LZ4Blocks(trace.chunks)
  let sink = ReusedSink()
  return try rounds.row(
    "writing chunks, \(trace.name)", "MB/s", work: Double(blocks.bytes) / 1e6,
    against: "lz4 block compression"
  ) {
    var writer = try TraceWriter(sink.emptied(), header: TraceHeader(shape: trace.shape))
    for request in requests { try writer.append(request) }
    try writer.finish()
  } ceilingBody: {
    blocks.compress()
  }
}

/// The trace's requests as they were written.
func tokenMajor(_ trace: SyntheticTrace) -> [RequestTrace] {
  var requests: [RequestTrace] = []
  let (layers, topK) = (trace.shape.layers, trace.shape.topK)
  for chunk in trace.chunks {
    let length = SyntheticTrace.requestTokens
    for first in stride(from: 0, to: chunk.block.tokens, by: length) {
      var ids: [UInt16] = []
      for token in first..<min(first + length, chunk.block.tokens) {
        for layer in 0..<layers {
          let at = (layer * chunk.block.tokens + token) * topK
          ids += chunk.block.ids[at..<at + topK]
        }
      }
      requests.append(RequestTrace(name: "", task: "", prefill: 64, ids: ids))
    }
  }
  return requests
}
