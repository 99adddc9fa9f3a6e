import RoutingTrace

extension ForeignFormat {
  /// ESFT's expert scores: a folder a task, a text file a layer.
  public static let esft = ForeignFormat(ESFTFormat.self)
}

/// ESFT's expert scores: a folder a task with `expert_weights_<layer>.txt`, one file a layer, one
/// line a sequence: `T * k` ids parted by tabs, two tabs, `T * k` gate weights.
///
/// The files are read in step, a line of each at a time. Weights are those before the choice of the
/// k best, so they do not sum to 1, and neither they nor the ids are in rank order. The sequences
/// are teacher-forced, routed as a prompt is; so all tokens are prefill.
struct ESFTFormat: TraceFormat {
  static let name = "esft"
  static let summary = "ESFT expert scores, one folder a task"

  static let sample = (
    fileName: "expert_weights_2.txt",
    content: Array("1\t2\t3\t4\t\t0.125\t0.5\t0.25\t0.125\n7\t5\t\t1\t2\n".utf8)
  )

  private static let prefix = "expert_weights_"
  private static let suffix = ".txt"
  private static let leaveOut =
    "record the task again, or move the file away and import without its layer"

  /// The longest line taken, in bytes.
  private let limit: Int
  /// Experts a token takes, where the options say so.
  private let topK: Int?
  private let readsWeights: Bool
  /// The folder that is open.
  private var source: TraceSource?
  /// Model layer numbers of the open folder's files.
  private var layers: [Int] = []
  /// A reader for each of these files.
  private var readers: [LineReader] = []
  /// Sequences read from the folder.
  private var sequences = 0

  init(options: ImportOptions) throws(ImportError) {
    limit = options.maximumFileSize
    readsWeights = options.readsWeights
    topK = options.model?.topK ?? options.topK
    guard topK.map({ $0 > 0 }) ?? false else {
      throw ImportError(
        .missing, file: "top-k", problem: "ESFT files do not say how many experts a token takes",
        remedy: "give --shape NAME, or --top-k K with --experts E")
    }
  }

  static func accepts(fileNamed name: String) -> Bool { layer(ofFileNamed: name) != nil }

  /// Whether the name is `expert_weights_<layer>.txt` and the text begins with an id and a tab.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    guard accepts(fileNamed: name) else { return false }
    let id = head.prefix { (0x30...0x39).contains($0) || $0 == 0x2D }
    return !id.isEmpty && head.dropFirst(id.count).first == 0x09
  }

  /// The model layer that a file's name tells; nil for other names.
  private static func layer(ofFileNamed name: String) -> Int? {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
    let digits = name.utf8.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count)
    guard (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int(Substring(digits)), number <= 65535
    else { return nil }
    return number
  }

  /// A source a folder, its files by layer.
  static func sources(of files: [FoundFile]) throws(ImportError) -> [TraceSource] {
    for file in files where layer(ofFileNamed: file.name) == nil {
      throw ImportError(
        .notATrace, file: file.path, problem: "it is not named \(prefix)<layer>\(suffix)",
        remedy: "name the task's folder")
    }
    return folderSources(of: files)
  }

  mutating func open(_ source: TraceSource) throws(ImportError) {
    self.source = source
    let files = source.files
      .map { (layer: Self.layer(ofFileNamed: $0.name) ?? 0, found: $0) }
      .sorted { $0.layer < $1.layer }
    layers = files.map(\.layer)
    if let twice = zip(files, files.dropFirst()).first(where: { $0.layer == $1.layer }) {
      throw ImportError(
        .malformed, file: twice.1.found.path, layer: twice.1.layer,
        problem: "the layer has two files", remedy: "leave one of them out")
    }
    readers = []
    for file in files { readers.append(try LineReader(file.found, limit: limit)) }
    sequences = 0
  }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    guard let source, let topK = bounds.topK ?? topK, let first = readers.first else { return nil }
    guard let firstLine = try first.next() else {
      for (reader, layer) in zip(readers, layers).dropFirst() where try reader.next() != nil {
        throw ImportError(
          .malformed, file: reader.file, line: reader.line, layer: layer,
          problem: "it has more lines than layer \(layers[0]) (\(sequences))",
          remedy: sequences > 0
            ? "record the task again, or keep the first \(sequences) lines (head -n \(sequences))"
            : "record the task again, or move the empty file of layer \(layers[0]) away")
      }
      return nil
    }
    sequences += 1
    var request = RawRequest(
      name: "\(sequences)", task: source.folder, tokens: 0, layers: .numbered(layers), topK: topK,
      ids: [])
    var line = ScoreLine()
    // Layer after layer.
    var ids: [UInt16] = []
    var weights: [Float16] = []
    for (index, reader) in readers.enumerated() {
      guard let text = index == 0 ? firstLine : try reader.next() else {
        throw ImportError(
          .malformed, file: reader.file, line: reader.line, layer: layers[index],
          problem: "it has \(reader.line) lines, layer \(layers[0]) has more",
          remedy: reader.line > 0
            ? "record the task again, or keep the first \(reader.line) lines of every file "
              + "(head -n \(reader.line))"
            : Self.leaveOut)
      }
      if let problem = line.parse(text, topK: topK, readsWeights: readsWeights) {
        throw ImportError(
          .malformed, file: reader.file, line: reader.line, request: nil,
          token: line.ids.count / topK, layer: layers[index], problem: problem.text,
          remedy: problem.remedy)
      }
      if index == 0 { request.tokens = line.ids.count / topK }
      guard line.ids.count == request.tokens * topK else {
        throw ImportError(
          .malformed, file: reader.file, line: reader.line, layer: layers[index],
          problem: "\(line.ids.count / topK) tokens, but layer \(layers[0]) has \(request.tokens)",
          remedy: Self.leaveOut)
      }
      ids += line.ids
      weights += line.weights
    }
    request.prefill = request.tokens
    let starts = layers.indices.map { Optional($0 * request.tokens * topK) }
    request.ids = tokenMajor(
      ids, columns: starts, tokens: request.tokens, topK: topK, empty: TokenBlock.emptySlot)
    if readsWeights {
      request.weights = tokenMajor(
        weights, columns: starts, tokens: request.tokens, topK: topK, empty: 0)
    }
    return request
  }
}
