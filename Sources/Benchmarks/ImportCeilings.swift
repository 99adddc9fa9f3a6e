import CReferenceKernels
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

/// Two ceilings one after the other, of the same trace: what reading a text and writing chunks take at
/// least together.
struct CeilingPair: ImportCeiling {
  let first: any ImportCeiling
  let second: any ImportCeiling

  var name: String { first.name + ", " + second.name }

  func run() throws {
    try first.run()
    try second.run()
  }

  func compare(_ trace: SyntheticTrace) throws {
    try first.compare(trace)
    try second.compare(trace)
  }
}

/// Arrays are turned into the columns of chunks, which LZ4 compresses; those of ids must be the
/// trace's.
final class ArrayTurning: ImportCeiling {
  /// An array of `[tokens, dense + layers, top-k]` in every file.
  struct Array {
    /// Where its elements begin, behind a header of 128 bytes.
    var offset: Int
    /// Bytes of an element.
    var width = 1
  }

  var name: String {
    (checksums ? "crc32, " : "") + "columns in C, lz4 block compression"
  }
  private let files: [[UInt8]]
  private let arrays: [Array]
  private let dense: Int
  private let checksums: Bool
  private let shape: TraceShape
  private let chunkTokens: Int
  /// A column a chunk and array.
  private var columns: [[[UInt8]]] = []
  private let scratch = LZ4Scratch()

  /// - Parameters:
  ///   - arrays: ids first.
  ///   - dense: layers of every token that stand before those that route.
  ///   - checksums: whether the arrays stand in a zip file, whose checksums must be verified.
  init(
    _ files: [[UInt8]], _ trace: SyntheticTrace, arrays: [Array], dense: Int, checksums: Bool
  ) {
    self.files = files
    self.arrays = arrays
    self.dense = dense
    self.checksums = checksums
    shape = trace.shape
    chunkTokens = trace.chunks[0].block.tokens
    columns = trace.chunks.map { chunk in
      arrays.map { [UInt8](repeating: 0, count: chunk.block.ids.count * $0.width) }
    }
  }

  /// The trace's own ids, a byte each, and where they are wanted as many gate weights of two bytes, the
  /// same in every event.
  convenience init(_ trace: SyntheticTrace, weighted: Bool = false) {
    let topK = trace.shape.topK
    let event = (0..<topK).flatMap { slot in
      let bits = Float16(1 / (Double(slot) + 2.7)).bitPattern
      return [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
    }
    let files = tokenMajor(trace).map { request in
      let ids = request.ids.map { UInt8(truncatingIfNeeded: $0) }
      return ids + (weighted ? (0..<ids.count / topK).flatMap { _ in event } : [])
    }
    let ids = SyntheticTrace.requestTokens * trace.shape.idsPerToken
    self.init(
      files, trace, arrays: [Array(offset: 0)] + (weighted ? [Array(offset: ids, width: 2)] : []),
      dense: 0, checksums: false)
  }

  func run() throws {
    let filesPerChunk = chunkTokens / SyntheticTrace.requestTokens
    for (chunk, first) in stride(from: 0, to: files.count, by: filesPerChunk).enumerated() {
      for index in first..<min(first + filesPerChunk, files.count) {
        for array in arrays.indices {
          turn(array, of: files[index], at: index - first, into: &columns[chunk][array])
        }
      }
      for column in columns[chunk] { scratch.compress(column) }
    }
  }

  /// - Parameter at: the file's place in its chunk.
  private func turn(_ array: Int, of file: [UInt8], at: Int, into column: inout [UInt8]) {
    let (offset, width) = (arrays[array].offset, arrays[array].width)
    let tokens = SyntheticTrace.requestTokens
    let row = (dense + shape.layers) * shape.topK * width
    file.withUnsafeBufferPointer { file in
      guard let start = file.baseAddress.map({ $0 + offset }) else { return }
      if checksums { _ = crc32(0, start - npyHeader, UInt32(tokens * row + npyHeader)) }
      column.withUnsafeMutableBufferPointer { column in
        ceiling_columns(
          start, tokens, dense, shape.layers, shape.topK * width, chunkTokens,
          column.baseAddress.map { $0 + at * tokens * shape.topK * width })
      }
    }
  }

  func compare(_ trace: SyntheticTrace) throws {
    for (chunk, own) in zip(trace.chunks, columns)
    where !chunk.block.ids.elementsEqual(own[0].lazy.map(UInt16.init)) {
      throw BenchmarkError.differs("columns written and turned")
    }
  }
}
