import Archive
import CReferenceKernels
import CZlib
import RoutingTrace

/// A forward pass as SGLang's recorder writes it: ids `[all layers, rows, 8]`, -1 in dense layers.
struct RecordedBatch {
  /// Rows of each prompt; empty where requests decode.
  var lengths: [Int]
  /// The place of each row's token in its request, and in the trace.
  var positions: [Int]
  var places: [UInt32]
  var ids: [Int32]

  /// Slots of an event.
  static let slots = 8
}

/// The passes of an engine that takes all prompts at once and then decodes all requests together.
func recordedBatches(of requests: [RequestTrace], _ shape: TraceShape) -> [RecordedBatch] {
  let tokens = SyntheticTrace.requestTokens
  func batch(_ rows: [(request: Int, position: Int)], lengths: [Int]) -> RecordedBatch {
    var ids = [Int32](repeating: -1, count: denseLayers * rows.count * RecordedBatch.slots)
    for layer in 0..<shape.layers {
      for row in rows {
        let first = row.position * shape.idsPerToken + layer * shape.topK
        ids += requests[row.request].ids[first..<first + shape.topK].map { Int32($0) }
        ids += repeatElement(-1, count: RecordedBatch.slots - shape.topK)
      }
    }
    return RecordedBatch(
      lengths: lengths, positions: rows.map(\.position),
      places: rows.map { UInt32($0.request * tokens + $0.position) }, ids: ids)
  }
  let prompt = requests[0].prefill
  let prompts = requests.indices.flatMap { request in
    (0..<prompt).map { (request: request, position: $0) }
  }
  return [batch(prompts, lengths: requests.map { _ in prompt })]
    + (prompt..<tokens).map { position in
      batch(requests.indices.map { (request: $0, position: position) }, lengths: [])
    }
}

/// The recorder's file of the passes, with every expert on its own physical place.
func recording(_ batches: [RecordedBatch], _ shape: TraceShape) throws -> [UInt8] {
  let layers = denseLayers + shape.layers
  let records = batches.enumerated().map { pass, batch in
    TorchValue.dictionary([
      ("forward_pass_id", .integer(pass)), ("rank", .integer(0)),
      ("gatherer_key", .text("primary")),
      ("input_ids", .list(batch.places.map { .integer(Int($0)) })),
      ("positions", .list(batch.positions.map { .integer($0) })),
      (
        "extend_seq_lens",
        batch.lengths.isEmpty ? .none : .list(batch.lengths.map { .integer($0) })
      ),
      ("forward_mode", .integer(batch.lengths.isEmpty ? 2 : 1)),
      (
        "topk_ids_of_layer",
        .int32(batch.ids, shape: [layers, batch.positions.count, RecordedBatch.slots])
      ),
    ])
  }
  let map = (0..<layers).flatMap { _ in (0..<Int64(shape.experts)) }
  return try TorchWriter.file(
    .dictionary([
      ("records", .list(records)),
      ("last_physical_to_logical_map", .int64(map, shape: [layers, shape.experts])),
    ]))
}

/// The tensors' checksums, their ids as columns of chunks, and LZ4 over these.
final class BatchTurning: ImportCeiling {
  let name = "crc32, columns in C, lz4 block compression"
  private let batches: [RecordedBatch]
  private let shape: TraceShape
  private let chunkTokens: Int
  private var columns: [UInt8]
  private let scratch = LZ4Scratch()

  init(_ batches: [RecordedBatch], _ trace: SyntheticTrace) {
    self.batches = batches
    shape = trace.shape
    chunkTokens = trace.chunks[0].block.tokens
    columns = Array(repeating: 0, count: trace.chunks.reduce(0) { $0 + $1.block.ids.count })
  }

  func run() throws {
    for batch in batches {
      batch.ids.withUnsafeBytes { bytes in
        _ = crc32(
          0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(bytes.count))
        columns.withUnsafeMutableBufferPointer { columns in
          ceiling_batch(
            bytes.baseAddress?.assumingMemoryBound(to: Int32.self), batch.positions.count,
            denseLayers, shape.layers, RecordedBatch.slots, shape.topK, batch.places, chunkTokens,
            columns.baseAddress)
        }
      }
    }
    let size = shape.layers * chunkTokens * shape.topK
    for first in stride(from: 0, to: columns.count, by: size) {
      scratch.compress(Array(columns[first..<first + size]))
    }
  }

  func compare(_ trace: SyntheticTrace) throws {
    let ids = trace.chunks.flatMap(\.block.ids)
    guard ids.elementsEqual(columns.lazy.map(UInt16.init)) else {
      throw BenchmarkError.differs("columns written and turned")
    }
  }
}
