import LZ4Frame
import RoutingTrace

/// The bytes of a trace that holds `requests`.
///
/// - Parameter finishing: whether the index is written behind.
public func traceBytes(
  of requests: [RequestTrace], shape: TraceShape, chunkTokens: Int = 4096, finishing: Bool = true
) throws -> [UInt8] {
  var writer = try TraceWriter(
    MemorySink(), header: TraceHeader(shape: shape), chunkTokens: chunkTokens)
  for request in requests { try writer.append(request) }
  if finishing { try writer.finish() } else { try writer.flush() }
  return writer.sink.bytes
}

/// The chunks of a trace that holds `requests`, written and read back in memory.
public func chunks(
  of requests: [RequestTrace], shape: TraceShape, chunkTokens: Int = 4096
) throws -> [TraceChunk] {
  try chunks(in: traceBytes(of: requests, shape: shape, chunkTokens: chunkTokens))
}

/// The chunks of a trace in memory.
public func chunks(in bytes: [UInt8]) throws -> [TraceChunk] {
  var reader = try TraceReader(MemorySource(bytes), name: "memory")
  var chunks: [TraceChunk] = []
  while let chunk = try reader.next() { chunks.append(chunk) }
  return chunks
}
