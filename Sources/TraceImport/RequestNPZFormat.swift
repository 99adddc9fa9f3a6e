import Archive

extension ForeignFormat {
  /// A NumPy archive a request, with `routed_experts` and the token ids.
  public static let npz = ForeignFormat(RequestNPZFormat.self)
}

/// A NumPy archive a request: `routed_experts` `[tokens, layers, k]` beside `prompt_token_ids`,
/// `output_token_ids`, `request_id`, and where there are any `routing_weights` of the same shape
/// and `task`.
///
/// The rows are the prompt's and the output's tokens; the last sampled token may lack its row, as
/// in vLLM, which never routes it.
struct RequestNPZFormat: TraceFormat {
  static let name = "npz"
  static let summary = "NumPy archives (.npz), one request a file"

  static let sample = (fileName: "request_000.npz", content: (try? archive()) ?? [])

  /// Three tokens, the prompt's two among them, in one layer.
  private static func archive() throws -> [UInt8] {
    func numbers(_ values: [Int32]) -> [UInt8] {
      values.withUnsafeBytes {
        NPYArray.file(.signed(bytes: 4), shape: [values.count], elements: $0)
      }
    }
    let ids: [UInt8] = [5, 2, 0, 7, 1, 6]
    let routed = ids.withUnsafeBytes {
      NPYArray.file(.unsigned(bytes: 1), shape: [3, 1, 2], elements: $0)
    }
    return try ZipWriter.archive([
      ("routed_experts.npy", routed), ("prompt_token_ids.npy", numbers([11, 12])),
      ("output_token_ids.npy", numbers([13])),
    ])
  }

  private var file: SourceFile

  init(options: ImportOptions) throws(ImportError) {
    file = SourceFile(options: options)
  }

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".npz") }

  /// A zip file whose first member is a NumPy array.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    guard head.count > 30, head.starts(with: Array("PK\u{3}\u{4}".utf8)) else { return false }
    let length = Int(head[26]) | Int(head[27]) << 8
    return head.dropFirst(30).prefix(length).suffix(4).elementsEqual(".npy".utf8)
  }

  mutating func open(_ source: TraceSource) throws(ImportError) { try file.open(source) }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    guard let source = file.take() else { return nil }
    let reader = ArrayReader(file: source.path)
    let archive = try reader.of(nil) { () throws(ArchiveError) in try ZipArchive(file.bytes.bytes) }
    var request = try RoutedArray.request(
      try array("routed_experts", of: archive, reader: reader) {
        (array) throws(ArchiveError) in try RoutedArray(array)
      }, reader: reader, bounds: bounds, member: "routed_experts")
    let name = try array("request_id", of: archive, reader: reader) {
      (array) throws(ArchiveError) in try array.text()
    }
    request.name = name.flatMap { $0.isEmpty ? nil : $0 } ?? source.stem
    let task = try array("task", of: archive, reader: reader) {
      (array) throws(ArchiveError) in try array.text()
    }
    request.task = task ?? ""
    let tokens = request.tokens
    let shape = [tokens, request.layers.count, request.topK]
    request.weights = try array("routing_weights", of: archive, reader: reader) {
      (array) throws(ArchiveError) in
      guard array.shape == shape else {
        throw ArchiveError("its shape is \(array.shape), but that of routed_experts \(shape)")
      }
      return try array.weights()
    }
    let prompt = try array("prompt_token_ids", of: archive, reader: reader) { $0.count }
    let output = try array("output_token_ids", of: archive, reader: reader) { $0.count }
    if let prompt, let output, !(max(0, prompt + output - 1)...(prompt + output)).contains(tokens) {
      throw ImportError(
        .mismatch, file: source.path, member: "routed_experts",
        problem: "it has \(tokens) rows for \(prompt) prompt and \(output) output tokens",
        remedy: "record the prompt's routing too, or leave the file out")
    }
    request.prefill = prompt.map { min($0, tokens) }
    return request
  }

  /// What `use` makes of the array called `name`, or nil where the archive has none.
  private func array<Result>(
    _ name: String, of archive: ZipArchive, reader: ArrayReader,
    use: (NPYArray) throws(ArchiveError) -> Result
  ) throws(ImportError) -> Result? {
    guard let member = archive.members.first(where: { $0.name == name + ".npy" }) else {
      return nil
    }
    return try reader.of(name) { () throws(ArchiveError) in
      try archive.content(of: member) { (content) throws(ArchiveError) in
        try use(try NPYArray(content))
      }
    }
  }
}
