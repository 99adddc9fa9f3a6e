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
/// in vLLM, which never routes it. Where `prompt_routed_experts` holds the prompt's rows, as in
/// vLLM 0.21, `routed_experts` holds the output's, and they are joined.
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
  private let readsWeights: Bool
  /// Whether the tokens' ids are to show that files are of the same requests.
  private let readsTokens: Bool

  init(options: ImportOptions) throws(ImportError) {
    file = SourceFile(options: options)
    readsWeights = options.readsWeights
    readsTokens = options.joins
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
    let members = RequestArchive(archive: archive, reader: reader)
    var (request, prompt) = try members.routing(experts: bounds.experts)
    if let label = try members.label("request_id", remarks: &request.remarks) {
      request.name = label
    }
    if request.name.isEmpty { request.name = source.stem }
    request.task = try members.label("task", remarks: &request.remarks) ?? ""
    if readsWeights { request.weights = try members.weights(of: request) }
    request.prefill = try members.prefill(of: request, recorded: prompt)
    if readsTokens { request.tokenIDs = try members.tokens() }
    try members.noteUnread(&request.remarks)
    return request
  }
}

/// The arrays of one request's archive.
private struct RequestArchive {
  let archive: ZipArchive
  let reader: ArrayReader

  /// The arrays that are read, by their names.
  private static let generated = "routed_experts"
  private static let prompt = "prompt_routed_experts"
  private static let read: Set = [
    generated, prompt, "routing_weights", "request_id", "task", "prompt_token_ids",
    "output_token_ids",
  ]

  /// The ids, and how many of their rows are the prompt's where the archive has these apart.
  func routing(
    experts: Int
  ) throws(ImportError) -> (request: RawRequest, prompt: Int?) {
    func routed(_ name: String) throws(ImportError) -> RoutedArray? {
      try array(name) { (array) throws(ArchiveError) in
        try RoutedArray(array, experts: experts)
      }
    }
    let generated = try routed(Self.generated)
    guard let prompt = try routed(Self.prompt) else {
      guard let generated else { throw noRouting() }
      return (generated.request, nil)
    }
    guard let generated else { return (prompt.request, prompt.tokens) }
    guard let joined = prompt.joined(with: generated) else {
      throw ImportError(
        .mismatch, file: reader.file, member: Self.prompt,
        problem: "its shape is \(prompt.shape), but that of \(Self.generated) \(generated.shape): "
          + "layers and k differ",
        remedy: "save both with the same layers and k, or leave one of them out")
    }
    return (joined.request, prompt.tokens)
  }

  /// The error of an archive without ids, which names what looks like them.
  private func noRouting() -> ImportError {
    let names = archive.members.map(\.name).filter { $0.hasSuffix(".npy") }.map { $0.dropLast(4) }
    return ImportError(
      .notATrace, file: reader.file,
      problem: "it has no array \(Self.generated)"
        + (names.isEmpty ? "" : ", but \(names.prefix(8).joined(separator: ", "))"),
      remedy: "save the expert ids [tokens, layers, k] as \(Self.generated)")
  }

  /// A label as text; none, with a remark, where it is something else.
  func label(_ name: String, remarks: inout [Remark]) throws(ImportError) -> String? {
    guard let member = member(name) else { return nil }
    do throws(ArchiveError) {
      return try archive.content(of: member) { (content) throws(ArchiveError) in
        try NPYArray(content).text()
      }
    } catch {
      remarks.append(.label("array \(name)"))
      return nil
    }
  }

  /// Gate weights beside the ids of `request`, or nil where there are none.
  func weights(of request: RawRequest) throws(ImportError) -> [Float16]? {
    let shape = [request.tokens, request.layers.count, request.topK]
    return try array("routing_weights") { (array) throws(ArchiveError) in
      guard array.shape == shape else {
        throw ArchiveError(
          "its shape is \(array.shape), but that of the expert ids \(shape)",
          remedy: "save a weight an id, or leave weights out with --no-weights")
      }
      return try array.weights()
    }
  }

  /// Tokens of the prompt, as far as the archive tells: its token ids must be those of the rows.
  ///
  /// - Parameter recorded: rows that were recorded as the prompt's.
  func prefill(of request: RawRequest, recorded: Int?) throws(ImportError) -> Int? {
    let prompt = try array("prompt_token_ids") { $0.count }
    let output = try array("output_token_ids") { $0.count }
    let tokens = request.tokens
    if let prompt, let recorded, prompt != recorded {
      throw ImportError(
        .mismatch, file: reader.file, member: Self.prompt,
        problem: "it has \(recorded) rows for \(prompt) prompt tokens",
        remedy: "record the whole prompt, or leave prompt_token_ids out")
    }
    if let prompt, let output {
      // The last sampled token may lack its row.
      let possible = max(0, prompt + output - 1)...(prompt + output)
      guard possible.contains(tokens) else {
        let isTransposed = possible.contains(request.layers.count)
        throw ImportError(
          .mismatch, file: reader.file, member: Self.generated,
          problem: isTransposed
            ? "its shape is [\(tokens), \(request.layers.count), \(request.topK)], and "
              + "\(prompt + output) token ids say that tokens are its second axis"
            : "it has \(tokens) rows for \(prompt) prompt and \(output) output tokens",
          remedy: isTransposed
            ? "save array.transpose(1, 0, 2): [tokens, layers, k] is read"
            : tokens == output || tokens == output - 1
              ? "save the prompt's rows as \(Self.prompt), or leave prompt_token_ids out and give "
                + "--prefill 0"
              : "leave the token ids out and give --prefill N, if the rows are right")
      }
    }
    return recorded ?? prompt.map { min($0, tokens) }
  }

  /// Ids of the prompt's and the output's tokens; nil where they are not there.
  func tokens() throws(ImportError) -> [Int]? {
    func ids(_ name: String) throws(ImportError) -> [Int]? {
      try array(name) { (array) throws(ArchiveError) in
        array.element.isWhole ? try array.wholeNumbers() : []
      }
    }
    guard let prompt = try ids("prompt_token_ids") else { return nil }
    return prompt + (try ids("output_token_ids") ?? [])
  }

  /// Names arrays that look like routing and are not read.
  func noteUnread(_ remarks: inout [Remark]) throws(ImportError) {
    var names: [String] = []
    for member in archive.members where member.name.hasSuffix(".npy") {
      let name = String(member.name.dropLast(4))
      guard !Self.read.contains(name) else { continue }
      let looksLikeRouting: Bool
      do throws(ArchiveError) {
        looksLikeRouting = try archive.content(of: member) { (content) throws(ArchiveError) in
          let array = try NPYArray(content)
          return array.shape.count == 3 && array.element.isWhole
        }
      } catch {
        // What is no array that can be read is none of those that are looked for.
        looksLikeRouting = false
      }
      if looksLikeRouting || Self.namesRouting(name) { names.append(name) }
    }
    if !names.isEmpty { remarks.append(.unread("array " + names.joined(separator: ", "))) }
  }

  /// Whether a name speaks of routing.
  private static func namesRouting(_ name: String) -> Bool {
    ["rout", "expert"].contains { name.lowercased().contains($0) }
  }

  /// The member that holds the array called `name`.
  private func member(_ name: String) -> ZipArchive.Member? {
    archive.members.first { $0.name == name + ".npy" }
  }

  /// What `use` makes of the array called `name`, or nil where the archive has none.
  private func array<Result>(
    _ name: String, use: (NPYArray) throws(ArchiveError) -> Result
  ) throws(ImportError) -> Result? {
    guard let member = member(name) else { return nil }
    return try reader.of(name) { () throws(ArchiveError) in
      try archive.content(of: member) { (content) throws(ArchiveError) in
        try use(try NPYArray(content))
      }
    }
  }
}
