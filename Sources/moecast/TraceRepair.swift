import RoutingTrace

/// The whole chunks of a trace that was cut short or is damaged, written to a file of their own.
///
/// Chunks that are larger than is read elsewhere are written as smaller ones. The others keep their bytes, so a
/// model that has seen some of them resumes with the new file.
struct TraceRepair {
  /// What was in the old file.
  let facts: TraceFacts

  /// What traces were written with at one time.
  private static let largestChunk = 1 << 30

  /// Copies `file` to `output` up to the first fault.
  ///
  /// - Throws: ``TraceError`` or `FileError`; there is no new file then.
  init(from file: String, to output: String, force: ForceOption) throws {
    let source = try TraceFile(file)
    var reader = try TraceReader(
      source, name: source.name, maximumChunk: Self.largestChunk)
    let target = try OutputSink(output, .trace(inputs: [file], force: force))
    var writer = try TraceWriter(target, header: reader.header)
    facts = try TraceFacts(of: &reader, size: source.size) { try writer.append($0) }
    try writer.finish()
    try target.commit()
  }
}
