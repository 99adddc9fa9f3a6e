import Archive

extension ForeignFormat {
  /// A folder a request: `routes.npy` and what belongs to it.
  public static let routeFolder = ForeignFormat(RouteFolderFormat.self)
}

/// A folder a request: `routes.npy` `[tokens, layers, k]`, and beside it `weights.npy` of the same
/// shape, `phase.npy` with 0 for a token of the prompt and 1 for a decoded one, and `meta.json` with
/// `n_prefill`. `hidden.npy` is passed over.
///
/// All but the routes may be missing; where neither the phases nor `n_prefill` are there, the prompt
/// comes from the options.
struct RouteFolderFormat: TraceFormat {
  static let name = "route-folder"
  static let summary = "a folder a request: routes.npy, weights.npy, phase.npy, meta.json"

  static let sample = (
    fileName: "routes.npy",
    content: ([0, 1, 2, 3] as [Int16]).withUnsafeBytes {
      NPYArray.file(.signed(bytes: 2), shape: [2, 1, 2], elements: $0)
    }
  )

  /// The files of a request's folder.
  private enum Member: String, CaseIterable {
    case routes = "routes.npy"
    case weights = "weights.npy"
    case phases = "phase.npy"
    case hidden = "hidden.npy"
    case facts = "meta.json"
  }

  private let json: JSONReader
  private let readsWeights: Bool
  private var file: SourceFile
  /// The bytes of a file beside the routes.
  private let other: FileBytes

  init(options: ImportOptions) throws(ImportError) {
    json = try JSONReader()
    readsWeights = options.readsWeights
    file = SourceFile(options: options)
    other = FileBytes(limit: options.maximumFileSize)
  }

  static func accepts(fileNamed name: String) -> Bool { Member(rawValue: name) != nil }

  /// An array under one of the names that stand in such a folder.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    accepts(fileNamed: name) && head.starts(with: NPYArray.magic)
  }

  /// A source a folder, at whose routes the others are found.
  static func sources(of files: [FoundFile]) throws(ImportError) -> [TraceSource] {
    let routes = files.filter { $0.name == Member.routes.rawValue || $0.content != nil }
    guard !routes.isEmpty else {
      throw ImportError(
        .notATrace, file: files[0].path, problem: "no \(Member.routes.rawValue) stands beside it",
        remedy:
          "save the expert ids [tokens, layers, k] under that name, or choose another --format")
    }
    return routes.map { TraceSource(path: $0.path, folder: $0.folder, size: $0.size, files: [$0]) }
  }

  mutating func open(_ source: TraceSource) throws(ImportError) { try file.open(source) }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    guard let source = file.take() else { return nil }
    let array = try ArrayReader(file: source.path).of(nil) { () throws(ArchiveError) in
      try RoutedArray(try NPYArray(MemberContent(file.bytes.bytes)), experts: bounds.experts)
    }
    var request = array.request
    guard !source.isStandardInput else { return request }
    request.name = source.folder
    let shape = array.shape
    if readsWeights, let path = path(of: .weights, beside: source) {
      request.weights = try read(path) { (array) throws(ArchiveError) in
        guard array.shape == shape else {
          throw ArchiveError(
            "its shape is \(array.shape), but that of the routes \(shape)",
            remedy: "save a weight an id, or leave weights out with --no-weights")
        }
        return try array.weights()
      }
    }
    request.prefill = try prefill(of: source, tokens: shape[0])
    if let path = path(of: .facts, beside: source) {
      try other.read(path)
      if let experts = try json.integer("experts", in: other, file: path),
        experts != bounds.experts
      {
        throw ImportError(
          .mismatch, file: path,
          problem: "it says \(experts) experts, but \(bounds.experts) are given",
          remedy: "give the shape of the model that was recorded, or --experts \(experts)")
      }
    }
    return request
  }

  /// Tokens of the prompt, by the tokens' phases and by `n_prefill`, which must agree.
  private func prefill(of source: TraceSource, tokens: Int) throws(ImportError) -> Int? {
    var prompt: Int?
    if let path = path(of: .phases, beside: source) {
      prompt = try read(path) { (array) throws(ArchiveError) in
        guard array.shape == [tokens], array.element == .unsigned(bytes: 1) else {
          throw ArchiveError(
            "it is of type \(array.element) and shape \(array.shape), but there are \(tokens) tokens",
            remedy: "save a phase a token as uint8, or move the file away and give --prefill")
        }
        let phases = Array(try array.content.take(array.count))
        let prompt = phases.prefix { $0 == 0 }.count
        guard phases[prompt...].allSatisfy({ $0 == 1 }) else {
          throw ArchiveError(
            "its phases are not those of a prompt (0) and of decoded tokens (1) behind it",
            remedy: "save one request a folder")
        }
        return prompt
      }
    }
    guard let path = path(of: .facts, beside: source) else { return prompt }
    try other.read(path)
    guard let told = try json.integer("n_prefill", in: other, file: path) else { return prompt }
    guard prompt ?? told == told else {
      throw ImportError(
        .mismatch, file: path,
        problem:
          "n_prefill is \(told), but \(Member.phases.rawValue) has a prompt of \(prompt ?? 0)",
        remedy: "move one of the two files away")
    }
    return told
  }

  /// The path of another file of the request; nil where it is not there.
  private func path(of member: Member, beside source: TraceSource) -> String? {
    let folder = parent(source.path)
    let path = folder.isEmpty ? member.rawValue : folder + "/" + member.rawValue
    return [path, path + ".gz"].first(where: FileBytes.exists)
  }

  /// What `use` makes of the array in the file at `path`.
  private func read<Result>(
    _ path: String, use: (NPYArray) throws(ArchiveError) -> Result
  ) throws(ImportError) -> Result {
    try other.read(path)
    return try ArrayReader(file: path).of(nil) { () throws(ArchiveError) in
      try use(try NPYArray(MemberContent(other.bytes)))
    }
  }
}
