/// The source a format has open, where that is one file read whole into memory.
struct SourceFile {
  /// The file's bytes.
  private(set) var bytes: FileBytes
  /// The source they are of, until it is taken.
  private var source: TraceSource?

  init(options: ImportOptions) { bytes = FileBytes(limit: options.maximumFileSize) }

  /// Reads the file of `source`, leaving the last one.
  mutating func open(_ source: TraceSource) throws(ImportError) {
    self.source = source
    if let content = source.files.first?.content {
      bytes = content
    } else {
      try bytes.read(source.path)
    }
  }

  /// The open source, once.
  mutating func take() -> TraceSource? { source.take() }
}
