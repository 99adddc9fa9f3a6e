import CLZ4
import Glibc
import LZ4Frame
import RoutingTrace

/// Chunks from memory, verified, beside lz4's own decoding of the same blocks and a memory copy.
func decode(_ trace: SyntheticTrace, _ rounds: Rounds) throws -> [ResultRow] {
  let blocks = LZ4Blocks(trace.chunks)
  var tokens = 0
  let seconds = try rounds.medians([
    {
      tokens = 0
      var reader = try TraceReader(MemorySource(trace.bytes), name: trace.name)
      while let chunk = try reader.next() { tokens += chunk.block.tokens }
    },
    { blocks.decode() },
    { blocks.copy() },
  ])
  guard tokens == trace.tokens else { throw BenchmarkError.differs("tokens written and read") }
  let megabytes = Double(blocks.bytes) / 1e6
  return [
    ResultRow(
      what: "chunk decode, verified, \(trace.name)", unit: "MB/s", ours: megabytes / seconds[0],
      ceiling: megabytes / seconds[1], ceilingName: "lz4 block decode"),
    ResultRow(
      what: "the same", unit: "MB/s", ours: megabytes / seconds[0],
      ceiling: megabytes / seconds[2], ceilingName: "memory copy"),
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

/// Keeps what is written in memory that is used again in the next round, as a file's pages are.
final class ReusedSink: ByteSink {
  private(set) var bytes: [UInt8] = []

  func emptied() -> ReusedSink {
    bytes.removeAll(keepingCapacity: true)
    return self
  }

  func write(_ bytes: UnsafeRawBufferPointer) { self.bytes.append(contentsOf: bytes) }
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

/// The ids of chunks, a byte each, as LZ4 blocks of 256 KiB: what the container holds beside headers.
final class LZ4Blocks {
  /// Bytes decoded.
  let bytes: Int
  private var blocks: [(compressed: [CChar], plain: [CChar])] = []
  private let target: UnsafeMutablePointer<CChar>
  private let room: Int

  init(_ chunks: [TraceChunk]) {
    let size = 1 << 18
    room = Int(LZ4_compressBound(Int32(size)))
    target = .allocate(capacity: room)
    var bytes = 0
    for chunk in chunks {
      let ids = chunk.block.ids.map { CChar(truncatingIfNeeded: $0) }
      bytes += ids.count
      for first in stride(from: 0, to: ids.count, by: size) {
        let plain = Array(ids[first..<min(first + size, ids.count)])
        let count = LZ4_compress_default(plain, target, Int32(plain.count), Int32(room))
        let compressed = Array(UnsafeBufferPointer(start: target, count: Int(count)))
        blocks.append((compressed, plain))
      }
    }
    self.bytes = bytes
  }

  deinit { target.deallocate() }

  func decode() {
    for block in blocks {
      _ = LZ4_decompress_safe(block.compressed, target, Int32(block.compressed.count), Int32(room))
    }
  }

  func compress() {
    for block in blocks {
      _ = LZ4_compress_default(block.plain, target, Int32(block.plain.count), Int32(room))
    }
  }

  func copy() {
    for block in blocks { _ = memcpy(target, block.plain, block.plain.count) }
  }
}
