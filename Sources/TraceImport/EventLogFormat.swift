import CSimdJSON

/// A format of JSON lines, a record an event or a layer of some tokens: its dialect is all that it
/// adds to a ``LogReader``.
protocol EventLogFormat: TraceFormat {
  /// How its records are written.
  static var dialect: LogDialect { get }
  /// Reads them.
  var reader: LogReader { get set }

  init(reader: LogReader)
}

extension EventLogFormat {
  init(options: ImportOptions) throws(ImportError) {
    self.init(reader: try LogReader(Self.dialect, options: options))
  }

  static var marks: [String] {
    let keys = dialect.keys
    return [keys.kind, keys.token, keys.layer, keys.ids, keys.weights, keys.phase]
      .map(\.string).filter { !$0.isEmpty }
  }

  static func accepts(fileNamed name: String) -> Bool {
    name.hasSuffix(".jsonl") || name.hasSuffix(".ndjson")
  }

  static func sources(of files: [FoundFile]) throws(ImportError) -> [TraceSource] {
    try LogReader.sources(of: files, dialect: dialect)
  }

  mutating func open(_ source: TraceSource) throws(ImportError) { try reader.open(source) }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    try reader.next(within: bounds)
  }

  /// The first line of a text that is a JSON object; nil where it is none.
  static func firstObject(_ head: [UInt8]) -> ArraySlice<UInt8>? {
    let line = head.drop(while: JSONText.isSpace).prefix { $0 != 0x0A }
    return line.first == UInt8(ascii: "{") ? line : nil
  }
}
