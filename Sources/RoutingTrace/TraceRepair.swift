import LZ4Frame

/// The whole chunks of a trace that was cut short or is damaged, written to a trace of their own.
///
/// Chunks that are larger than is read elsewhere are written as smaller ones. The others keep their bytes, so a
/// model that has seen some of them resumes with the new file.
public struct TraceRepair<Source: ByteSource> {
  private var reader: TraceReader<Source>

  /// Reads the header of the trace that `source` gives.
  ///
  /// - Throws: ``TraceError``.
  public init(_ source: Source, name: String) throws {
    // What traces were written with at one time.
    reader = try TraceReader(source, name: name, maximumChunk: 1 << 30)
  }

  /// Copies the chunks up to the first fault.
  ///
  /// - Parameter progress: called after every chunk with the compressed bytes read.
  /// - Returns: what was in the old trace.
  /// - Throws: ``TraceError`` of kind `access`, or what `sink` throws.
  public mutating func write(
    to sink: some ByteSink, progress: (Int) -> Void = { _ in }
  ) throws -> TraceContents {
    var writer = try TraceWriter(sink, header: reader.header)
    let contents = try TraceContents(of: &reader) { block, bytesRead in
      try writer.append(block)
      progress(bytesRead)
    }
    try writer.finish()
    return contents
  }
}
