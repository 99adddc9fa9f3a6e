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
  /// The largest file beside the routes, in bytes.
  private let limit: Int

  init(options: ImportOptions) throws(ImportError) {
    json = try JSONReader()
    readsWeights = options.readsWeights
    file = SourceFile(options: options)
    limit = options.maximumFileSize
  }

  static func accepts(fileNamed name: String) -> Bool { Member(rawValue: name) != nil }

  /// An array under one of the names that stand in such a folder.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    accepts(fileNamed: name) && head.starts(with: NPYArray.magic)
  }

  /// A source a folder, at whose routes the others are found.
  static func sources(of files: [FoundFile]) throws(ImportError) -> [TraceSource] {
    let routes = files.filter { $0.name == Member.routes.rawValue || $0.isStandardInput }
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
    if readsWeights, let weights = try neighbour(.weights, of: source) {
      request.weights = try read(weights) { (array) throws(ArchiveError) in
        guard array.shape == shape else {
          throw ArchiveError(
            "its shape is \(array.shape), but that of the routes \(shape)",
            remedy: "save a weight an id, or leave weights out with --no-weights")
        }
        return try array.weights()
      }
    }
    let facts = try neighbour(.facts, of: source)
    request.prefill = try prefill(of: source, tokens: shape[0], facts)
    if let (path, bytes) = facts {
      request.experts = try json.integer("experts", in: bytes, file: path)
      // Where the number is still looked for, this is what tells it.
      if let experts = request.experts, experts != bounds.experts,
        bounds.experts != EventBounds.mostExperts
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
  private func prefill(
    of source: TraceSource, tokens: Int, _ facts: Neighbour?
  ) throws(ImportError) -> Int? {
    var prompt: Int?
    if let phases = try neighbour(.phases, of: source) {
      prompt = try read(phases) { (array) throws(ArchiveError) in
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
    guard let (path, bytes) = facts,
      let told = try json.integer("n_prefill", in: bytes, file: path)
    else { return prompt }
    guard prompt ?? told == told else {
      throw ImportError(
        .mismatch, file: path,
        problem:
          "n_prefill is \(told), but \(Member.phases.rawValue) has a prompt of \(prompt ?? 0)",
        remedy: "move one of the two files away")
    }
    return told
  }

  /// A file beside the routes.
  private typealias Neighbour = (path: String, bytes: FileBytes)

  /// Another file of the request, compressed or not; nil where it is not there.
  private func neighbour(
    _ member: Member, of source: TraceSource
  ) throws(ImportError) -> Neighbour? {
    let folder = parent(source.path)
    let path = folder.isEmpty ? member.rawValue : folder + "/" + member.rawValue
    for name in [path, path + ".gz", path + ".xz"] {
      if let bytes = try source.neighbour(name, limit: limit) { return (name, bytes) }
    }
    return nil
  }

  /// What `use` makes of the array in a file.
  private func read<Result>(
    _ file: Neighbour, use: (NPYArray) throws(ArchiveError) -> Result
  ) throws(ImportError) -> Result {
    try ArrayReader(file: file.path).of(nil) { () throws(ArchiveError) in
      try use(try NPYArray(MemberContent(file.bytes.bytes)))
    }
  }
}
