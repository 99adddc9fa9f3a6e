import LZ4Frame

/// Saves the whole chunks of a trace that was cut short or is damaged, by writing them to a trace
/// of their own.
///
/// ```swift
/// var repair = try TraceRepair(TraceFile("cut.moe.lz4"), name: "cut.moe.lz4")
/// let contents = try repair.write(to: MemorySink())
/// print(contents.chunks, contents.isIntact)
/// ```
///
/// Chunks that are larger than is read elsewhere are written as smaller ones. The others keep their
/// bytes, so a model that has seen some of them resumes with the new file. Frames may be any; where
/// one that holds several chunks is damaged, none of them can be told to be whole.
public struct TraceRepair<Source: ByteSource> {
  /// Reads the old trace.
  private var reader: TraceReader<Source>

  /// Reads the header of the trace that `source` gives.
  ///
  /// - Parameter name: what to call it in messages.
  /// - Throws: ``TraceError``.
  public init(_ source: Source, name: String) throws {
    reader = try TraceReader(source, name: name, reading: .toRewrite)
  }

  /// Copies the chunks up to the first fault.
  ///
  /// - Parameters:
  ///   - sink: where the new trace goes.
  ///   - progress: called after every chunk with the compressed bytes read.
  /// - Returns: what was in the old trace.
  /// - Throws: ``TraceError`` of kind `access`, or of kind `corrupt` where chunks that were damaged
  ///   may have been copied; what `sink` throws.
  /// - Complexity: O(bytes of the trace) time; memory of one chunk.
  public mutating func write(
    to sink: some ByteSink, progress: (Int) -> Void = { _ in }
  ) throws -> TraceContents {
    var writer = try TraceWriter(sink, header: reader.header)
    let contents = try TraceContents(of: &reader) { block, bytesRead in
      try writer.append(block)
      progress(bytesRead)
    }
    if let damage = contents.damage, damage.kind == .corrupt, contents.findings.isRecut {
      throw TraceError(
        .corrupt, file: damage.file, offset: damage.offset,
        problem:
          "\(damage.problem), and no chunk before that can be told to be whole, since it was "
          + "recompressed",
        remedy: "copy it again")
    }
    try writer.finish()
    return contents
  }
}
