import Archive

extension ForeignFormat {
  /// A NumPy array a request as vLLM returns it.
  public static let vllmNPY = ForeignFormat(VLLMArrayFormat.self)
}

/// vLLM's `--enable-return-routed-experts` saved as a `.npy` file a request:
/// `[tokens, all layers, k]` in whole numbers, dense layers filled with 0, -1 or anything that is
/// no choice.
///
/// Where the prompt ends is not in the array. It comes from `input_token_count` in a JSON sidecar,
/// `NAME.json` or `NAME.npy.json` beside `NAME.npy`, each compressed or not, or from the options. A
/// sidecar that lists `requests` says that the array holds several; see ``ArrayRequests``.
struct VLLMArrayFormat: TraceFormat {
  static let name = "vllm-npy"
  static let summary = "vLLM arrays (.npy), one request a file"

  static let sample = (
    fileName: "1.npy",
    content: ([0, 1, 2, 3] as [UInt8]).withUnsafeBytes {
      NPYArray.file(.unsigned(bytes: 1), shape: [2, 1, 2], elements: $0)
    }
  )

  /// Reads sidecars.
  private let json: JSONReader
  /// The largest sidecar, in bytes.
  private let limit: Int
  /// The open array.
  private var file: SourceFile
  /// The requests of the open array that are still to come, where its sidecar lists several.
  private var requests: ArrayRequests?

  init(options: ImportOptions) throws(ImportError) {
    json = try JSONReader()
    limit = options.maximumFileSize
    file = SourceFile(options: options)
  }

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".npy") }

  /// Whether the file begins as `.npy` files do, under no name that another format has arrays under.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    head.starts(with: NPYArray.magic) && !RouteFolderFormat.accepts(fileNamed: name)
      && !RouterLogitsFormat.accepts(fileNamed: name)
  }

  mutating func open(_ source: TraceSource) throws(ImportError) {
    requests = nil
    try file.open(source)
  }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    guard let source = file.take() else { return requests?.next() }
    let boundary = try boundary(beside: source)
    let reader = ArrayReader(file: source.path)
    let array = try reader.of(nil) { () throws(ArchiveError) in
      try RoutedArray(
        try NPYArray(MemberContent(file.bytes.bytes)), experts: bounds.experts)
    }
    var request = array.request
    request.name = source.stem
    request.prefill = boundary.prefill
    guard let list = boundary.list else { return request }
    requests = try ArrayRequests(json: list.content.bytes, file: list.path, of: request)
    return requests?.next()
  }

  /// `input_token_count` of the sidecar, if there is one, or one that lists requests.
  private func boundary(
    beside source: TraceSource
  ) throws(ImportError) -> (prefill: Int?, list: (path: String, content: FileBytes)?) {
    let plain = withoutCompression(source.path)
    let stem = plain.hasSuffix(".npy") ? String(plain.dropLast(4)) : plain
    for path in [stem + ".json", plain + ".json", stem + ".json.gz", plain + ".json.gz"] {
      do throws(ImportError) {
        guard let sidecar = try source.neighbour(path, limit: limit) else { continue }
        if ArrayRequests.areTold(in: sidecar.bytes) { return (nil, (path, sidecar)) }
        if let count = try json.integer("input_token_count", in: sidecar, file: path) {
          return (count, nil)
        }
      } catch {
        // The array may be intact all the same.
        throw ImportError(
          error.kind, file: path, byte: error.byte, problem: error.problem,
          remedy: "mend this sidecar, or move it away and give --prefill N")
      }
    }
    return (nil, nil)
  }
}
