extension ForeignFormat {
  /// Tables of llama.cpp's MoE traces.
  public static let llamaCSV = ForeignFormat(LlamaCSVFormat.self)
}

/// MoE traces that people write with llama.cpp's callbacks, as tables, one request a file:
///
/// - `phase,token,layer,rank,expert`: a row a choice, its phase `prefill` or `decode`;
/// - `layer,expert`: a row a choice, the tokens of a batch one behind the other, layer after layer;
///   top-k must be given;
/// - without a header, `pos,layer,e1,e2,...`: a row a token and layer.
///
/// Only the first tells the prompt. In the others a batch of several tokens, followed by batches of
/// one, is a prompt and its decoding, as in other logs. Of a prompt llama.cpp computes the last layer
/// for those tokens alone whose output is asked for: the others have an empty event there.
struct LlamaCSVFormat: TraceFormat {
  static let name = "llama-csv"
  static let summary = "llama.cpp MoE traces as CSV (three kinds), one request a file"
  static let marks = ["phase", "token", "layer", "rank", "expert"]

  static let sample = (
    fileName: "routes.csv",
    content: Array(
      """
      phase,token,layer,rank,expert
      prefill,0,0,0,5
      prefill,0,0,1,2
      prefill,1,0,0,0
      prefill,1,0,1,7
      prefill,1,1,0,3
      prefill,1,1,1,6
      decode,2,0,0,4
      decode,2,0,1,1
      decode,2,1,0,6
      decode,2,1,1,5

      """.utf8)
  )

  /// The kinds of rows.
  private enum Kind {
    case choicesWithPhase, choices, events

    static let headers = ["phase,token,layer,rank,expert", "layer,expert"].map { Array($0.utf8) }

    /// The kind of a table whose first line is `line`; nil for other tables.
    init?(firstLine line: some Collection<UInt8>) {
      if line.elementsEqual(Self.headers[0]) {
        self = .choicesWithPhase
      } else if line.elementsEqual(Self.headers[1]) {
        self = .choices
      } else if line.count(where: { $0 == 0x2C }) >= 2,
        line.allSatisfy({ (0x30...0x39).contains($0) || [0x2C, 0x20, 0x2D].contains($0) })
      {
        self = .events
      } else {
        return nil
      }
    }
  }

  private let options: ImportOptions
  private var finisher: LoggedRequestFinisher
  private var source: TraceSource?

  init(options: ImportOptions) throws(ImportError) {
    self.options = options
    finisher = LoggedRequestFinisher(options: options)
  }

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".csv") }

  /// One of the two header lines, or a line of at least three whole numbers.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    let line = head.prefix { $0 != 0x0A && $0 != 0x0D }
    return line.count < 1024 && Kind(firstLine: line) != nil
  }

  mutating func open(_ source: TraceSource) throws(ImportError) { self.source = source }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    guard let source = source.take() else { return nil }
    let lines = try LineReader(source.files[0], limit: options.maximumFileSize)
    guard let first = try lines.next() else {
      throw ImportError(
        .malformed, file: lines.file, problem: "the table is empty",
        remedy: "record it again, or leave it out")
    }
    guard let kind = Kind(firstLine: first) else {
      throw ImportError(
        .notATrace, file: lines.file, line: 1,
        problem: "the first line is that of no table of llama.cpp's",
        remedy: "choose another --format, or leave the file out")
    }
    let gatherer = ChoiceGatherer(
      topK: bounds.topK, tellsPrompt: kind == .choicesWithPhase, stepEnd: .layer)
    let request: LoggedRequest
    switch kind {
    case .choicesWithPhase:
      var rows = LlamaPhaseRows(gatherer: gatherer)
      request = try rows.read(lines)
    case .choices:
      guard let topK = bounds.topK else {
        throw ImportError(
          .missing, file: lines.file, problem: "the table does not say how many rows a token has",
          remedy: "give --shape NAME, or --top-k K with --experts E")
      }
      var rows = LlamaChoiceRows(gatherer: gatherer, topK: topK)
      request = try rows.read(lines)
    case .events:
      var rows = LlamaEventRows(gatherer: gatherer)
      request = try rows.read(lines, latest: first)
    }
    return try finisher.finish(
      request, file: source.path, stem: source.stem, tellsPrompt: kind == .choicesWithPhase)
  }
}
