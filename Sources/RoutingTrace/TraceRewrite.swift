import LZ4Frame

/// Writes traces anew as one, in the frames that writers make: the way back for a trace that was
/// recompressed, split or joined.
///
/// ```swift
/// var rewrite = try TraceRewrite(["recompressed.moe.lz4"])
/// try rewrite.write(to: sink)
/// print(rewrite.remarks)   // what could not be vouched for
/// ```
///
/// Requests, runs, labels, ids and weights stay as they are. Chunks keep their bytes, so that a
/// model that has seen some of them resumes with the new trace, unless they are cut anew. What was
/// written of a trace that turns out damaged is worth nothing: ``write(to:level:progress:)``
/// throws.
public struct TraceRewrite {
  /// Requests that begin in what was written.
  public private(set) var requests = 0
  /// Tokens written.
  public private(set) var tokens = 0
  /// What is absent in what was written.
  public private(set) var absent = AbsentRoutes()
  /// Whether a chunk has gate weights.
  public private(set) var isWeighted = false
  /// Chunks written.
  public private(set) var chunks = 0
  /// Bytes written.
  public private(set) var bytesWritten = 0

  /// The traces.
  private var stream: TraceStream
  /// Tokens of a full chunk, where chunks are cut anew.
  private let chunkTokens: Int?
  /// What is done to the traces, for the header.
  private let note: String

  /// Reads the first header.
  ///
  /// - Parameters:
  ///   - inputs: files, folders, FIFOs, or `-` for standard input.
  ///   - chunkTokens: tokens a chunk; nil to leave chunks as they are.
  ///   - readsWeights: whether gate weights are kept; where not, they are not looked at.
  ///   - model: the model's new name; nil to keep that of the header.
  /// - Throws: ``TraceError``.
  public init(
    _ inputs: [String], chunkTokens: Int? = nil, readsWeights: Bool = true, model: String? = nil
  ) throws {
    self.chunkTokens = chunkTokens
    var reading = TraceReading.toRewrite
    reading.readsWeights = readsWeights
    reading.model = model
    stream = try TraceStream(inputs, reading: reading)
    let parts = [
      stream.files.count == 1 ? nil : "\(stream.files.count) traces joined",
      chunkTokens.map { "chunks of \($0) tokens" } ?? "chunk by chunk",
      readsWeights ? nil : "without gate weights", model == nil ? nil : "renamed",
    ]
    note = parts.compactMap(\.self).joined(separator: ", ")
  }

  /// The traces' files in the order they are read.
  public var files: [String] { stream.files }
  /// The traces' shape.
  public var shape: TraceShape { stream.shape }
  /// Bytes of all files together, or nil where one of them is a pipe.
  public var size: Int? { stream.size }
  /// Compressed bytes read.
  public var bytesRead: Int { stream.bytesRead }
  /// What is to be told of the files.
  public var remarks: TraceRemarks { stream.remarks }

  /// Copies everything.
  ///
  /// - Parameters:
  ///   - sink: where the new trace goes.
  ///   - level: 0 for fast compression, 3 to 12 for LZ4 HC.
  ///   - progress: called after every chunk with the compressed bytes read.
  /// - Throws: ``TraceError``, or what `sink` throws.
  /// - Complexity: O(bytes of the traces) time; memory of a chunk read and one written.
  public mutating func write(
    to sink: some ByteSink, level: Int = 0, progress: (Int) -> Void = { _ in }
  ) throws {
    var provenance = stream.header.provenance
    provenance["rewritten"] = note
    var writer = try TraceWriter(
      sink, header: TraceHeader(shape: shape, provenance: provenance),
      chunkTokens: chunkTokens ?? TraceWriter<MemorySink>.usualChunkTokens, level: level)
    while let chunk = try stream.next() {
      absent.add(chunk.block)
      isWeighted = isWeighted || chunk.block.weights != nil
      if chunkTokens == nil {
        try writer.append(chunk.block)
      } else {
        try writer.appendRuns(of: chunk.block)
      }
      progress(stream.bytesRead)
    }
    try writer.finish()
    requests = writer.index.requests
    tokens = writer.index.tokens
    chunks = writer.index.offsets.count
    bytesWritten = writer.bytesWritten
  }
}
