import RoutingTrace

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
    var table = ChoiceTable(
      lines: lines,
      gatherer: ChoiceGatherer(
        topK: bounds.topK, tellsPrompt: kind == .choicesWithPhase, stepEnd: .layer))
    switch kind {
    case .choicesWithPhase: try table.readPhases()
    case .choices: try table.readChoices()
    case .events: try table.readEvents(from: first)
    }
    guard let request = table.gatherer.take() else {
      throw table.fault("the table has no rows", remedy: "record it again, or leave it out")
    }
    return try finisher.finish(
      request, file: source.path, stem: source.stem, tellsPrompt: kind == .choicesWithPhase)
  }
}

/// The rows of one table.
private struct ChoiceTable {
  let lines: LineReader
  var gatherer: ChoiceGatherer
  private var ids: [UInt16] = []
  private var noWeights: [Float16] = []

  init(lines: LineReader, gatherer: ChoiceGatherer) {
    self.lines = lines
    self.gatherer = gatherer
  }

  /// A fault of the latest line.
  func fault(
    _ problem: String, remedy: String = "leave the line out, or write the table again"
  ) -> ImportError {
    ImportError(.malformed, file: lines.file, line: lines.line, problem: problem, remedy: remedy)
  }

  /// Rows of `phase,token,layer,rank,expert`; those of one event are neighbours.
  mutating func readPhases() throws(ImportError) {
    var event: (isDecoded: Bool, token: Int, layer: Int)?
    while let line = try lines.next() {
      var fields = NumberFields(line)
      let phase = fields.bytes()
      let isDecoded = phase.elementsEqual("decode".utf8)
      guard isDecoded || phase.elementsEqual("prefill".utf8) else {
        throw fault("the phase is neither prefill nor decode")
      }
      guard let token = fields.whole(), let layer = fields.whole(), let rank = fields.whole(),
        let expert = fields.whole(), !fields.hasMore, token >= 0, (0...65_535).contains(layer)
      else { throw fault("a row of a phase and four whole numbers is expected") }
      if let open = event, rank == 0 || open != (isDecoded, token, layer) {
        try add(open)
        event = nil
      }
      guard rank == ids.count else {
        throw fault("rank \(rank) follows \(ids.count) choices of the event: rows are missing")
      }
      event = (isDecoded, token, layer)
      ids.append(RawRequest.id(expert))
    }
    if let event { try add(event) }
  }

  /// Adds the event whose ids were gathered.
  private mutating func add(
    _ event: (isDecoded: Bool, token: Int, layer: Int)
  ) throws(ImportError) {
    do throws(ChoiceGatherer.Problem) {
      try gatherer.add(
        place: event.token, layer: event.layer, ids: &ids, weights: &noWeights,
        isDecoded: event.isDecoded)
    } catch {
      throw fault(error.text, remedy: error.remedy)
    }
    ids.removeAll(keepingCapacity: true)
  }

  /// Rows of `layer,expert`; those of a layer are the tokens of a batch, top-k rows each.
  mutating func readChoices() throws(ImportError) {
    guard gatherer.topK != nil else {
      throw ImportError(
        .missing, file: lines.file, problem: "the table does not say how many rows a token has",
        remedy: "give --shape NAME, or --top-k K with --experts E")
    }
    var open: Int?
    while let line = try lines.next() {
      var fields = NumberFields(line)
      guard let layer = fields.whole(), let expert = fields.whole(), !fields.hasMore,
        (0...65_535).contains(layer)
      else { throw fault("a row of layer and expert is expected") }
      if let open, open != layer { try addLayer(open) }
      open = layer
      ids.append(RawRequest.id(expert))
    }
    if let open { try addLayer(open) }
  }

  /// Adds the events of a batch in one layer.
  private mutating func addLayer(_ layer: Int) throws(ImportError) {
    let topK = gatherer.topK ?? 1
    guard ids.count % topK == 0 else {
      throw fault(
        "the \(ids.count) rows of layer \(layer) before it are not a multiple of top-\(topK)",
        remedy: "give the shape of the model that was traced, or its --top-k with --experts")
    }
    do throws(ChoiceGatherer.Problem) { try gatherer.addLayer(layer, ids: ids) } catch {
      throw fault(error.text, remedy: error.remedy)
    }
    ids.removeAll(keepingCapacity: true)
  }

  /// Rows of `pos,layer,e1,e2,...`, the first of which was read.
  mutating func readEvents(from first: UnsafeRawBufferPointer) throws(ImportError) {
    var room = [UInt16](repeating: TokenBlock.emptySlot, count: ChoiceGatherer.mostIDs + 1)
    // Pointers, and a reader that is not asked of the table again: every row of a long file passes here.
    let lines = self.lines
    try room.withUnsafeMutableBufferPointer { room throws(ImportError) in
      var line: UnsafeRawBufferPointer? = first
      while let row = line {
        var fields = NumberFields(row)
        guard let place = fields.whole(), let layer = fields.whole(), place >= 0,
          (0...65_535).contains(layer)
        else { throw fault("a row of position, layer and experts is expected") }
        guard let count = fields.takeIDs(into: room) else {
          throw fault("an expert id is no whole number")
        }
        do throws(ChoiceGatherer.Problem) {
          try gatherer.add(place: place, layer: layer, ids: room, count: count)
        } catch {
          throw fault(error.text, remedy: error.remedy)
        }
        line = try lines.next()
      }
    }
  }
}
