import CCeilings
import CLZ4
import CZlib
import RoutingTrace

/// The least that an import must do with the bytes of its files, which lie in memory already.
protocol ImportCeiling {
  var name: String { get }
  func run() throws
  /// Throws where the last run did not come to the trace.
  func compare(_ trace: SyntheticTrace) throws
}

/// Every number of a text is read; the ids' sum must be that of the trace.
final class NumberReading: ImportCeiling {
  typealias Walk = (UnsafePointer<CChar>?, Int, Int) -> Int

  let name: String
  private let walk: Walk
  private let texts: [[UInt8]]
  private var sum = 0
  // simdjson reads 64 bytes beyond a text.
  private static let padding = 64

  init(_ name: String, _ texts: [[UInt8]], _ walk: @escaping Walk) {
    self.name = name
    self.walk = walk
    self.texts = texts.map { $0 + [UInt8](repeating: 0, count: Self.padding) }
  }

  func run() throws {
    sum = 0
    for text in texts {
      let own = text.withUnsafeBytes { text in
        walk(
          text.baseAddress?.assumingMemoryBound(to: CChar.self), text.count - Self.padding,
          text.count)
      }
      guard own > 0 else { throw BenchmarkError.failed("\(name) could not read the text") }
      sum += own
    }
  }

  func compare(_ trace: SyntheticTrace) throws {
    let ids = trace.chunks.reduce(0) { $0 + $1.block.ids.reduce(0) { $0 + Int($1) } }
    guard sum == ids else { throw BenchmarkError.differs("ids written and read by \(name)") }
  }
}

/// Arrays are turned into the columns of chunks, which LZ4 compresses; the columns must be the trace's.
final class ArrayTurning: ImportCeiling {
  var name: String {
    (checksums ? "crc32, " : "") + "columns in C, lz4 block compression"
  }
  private let files: [[UInt8]]
  private let offset: Int
  private let dense: Int
  private let checksums: Bool
  private let shape: TraceShape
  private let chunkTokens: Int
  private var columns: [[UInt8]] = []
  private var target: [CChar]
  private static let block = 1 << 18

  /// - Parameters:
  ///   - offset: where the array's ids begin in a file.
  ///   - dense: layers of every token that stand before those that route.
  ///   - checksums: whether the array stands in a zip file, whose checksum must be verified.
  init(
    _ files: [[UInt8]], _ trace: SyntheticTrace, offset: Int, dense: Int, checksums: Bool
  ) {
    self.files = files
    self.offset = offset
    self.dense = dense
    self.checksums = checksums
    shape = trace.shape
    chunkTokens = trace.chunks[0].block.tokens
    target = [CChar](repeating: 0, count: Int(LZ4_compressBound(Int32(Self.block))))
    columns = trace.chunks.map { [UInt8](repeating: 0, count: $0.block.ids.count) }
  }

  func run() throws {
    let row = (dense + shape.layers) * shape.topK
    let tokens = SyntheticTrace.requestTokens
    let filesPerChunk = chunkTokens / tokens
    for (chunk, first) in stride(from: 0, to: files.count, by: filesPerChunk).enumerated() {
      for index in first..<min(first + filesPerChunk, files.count) {
        let at = (index - first) * tokens * shape.topK
        files[index].withUnsafeBufferPointer { file in
          guard let start = file.baseAddress.map({ $0 + offset }) else { return }
          // The array's header of 128 bytes is in the checksum.
          if checksums { _ = crc32(0, start - 128, UInt32(tokens * row + 128)) }
          columns[chunk].withUnsafeMutableBufferPointer { columns in
            ceiling_columns(
              start, tokens, dense, shape.layers, shape.topK, chunkTokens,
              columns.baseAddress.map { $0 + at })
          }
        }
      }
      columns[chunk].withUnsafeBytes { bytes in
        for at in stride(from: 0, to: bytes.count, by: Self.block) {
          let count = min(Self.block, bytes.count - at)
          let start = bytes.baseAddress.map { ($0 + at).assumingMemoryBound(to: CChar.self) }
          _ = LZ4_compress_default(start, &target, Int32(count), Int32(target.count))
        }
      }
    }
  }

  func compare(_ trace: SyntheticTrace) throws {
    for (chunk, own) in zip(trace.chunks, columns)
    where !chunk.block.ids.elementsEqual(own.lazy.map(UInt16.init)) {
      throw BenchmarkError.differs("columns written and turned")
    }
  }
}
