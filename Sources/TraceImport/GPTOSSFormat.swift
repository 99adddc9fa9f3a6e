import CSimdJSON

extension ForeignFormat {
  /// The GPT-OSS fingerprinting data set: a JSON file a request, with gate weights.
  public static let gptOSS = ForeignFormat(GPTOSSFormat.self)
}

/// The GPT-OSS fingerprinting data set: decoded tokens with gate weights, one request a file.
///
/// `{"dataset", "category", "row_index", "router_data": [{"token_178": {"layer_0":
/// {"selected_experts": [ids], "selected_probs": [weights]}, ...}}, ...], ...}`. The task is
/// `dataset/category`, the name the row's index.
struct GPTOSSFormat: TraceFormat {
  static let name = "gpt-oss-json"
  static let summary = "GPT-OSS fingerprinting JSON, one request a file"
  static let isOneValue = true
  static let marks = ["router_data", "selected_experts", "selected_probs"]

  static let sample = (
    fileName: "1.json",
    content: Array(
      """
      {"row_index": 27, "dataset": "gpqa", "category": "Physics", "router_data": [
       {"token_9": {"layer_0": {"selected_experts": [3, 1], "selected_probs": [0.75, 0.25]}}}]}
      """.utf8)
  )

  private let json: JSONReader
  private let readsWeights: Bool
  private var file: SourceFile

  init(options: ImportOptions) throws(ImportError) {
    json = try JSONReader()
    readsWeights = options.readsWeights
    file = SourceFile(options: options)
  }

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".json") }

  /// An object with the key `router_data` in its first megabyte; prompts stand before it.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    head.first { !JSONText.isSpace($0) } == UInt8(ascii: "{")
      && JSONText.holds(head, key: "router_data")
  }

  mutating func open(_ source: TraceSource) throws(ImportError) { try file.open(source) }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    guard let source = file.take() else { return nil }
    var request = try json.request(
      in: file.bytes, file: source.path, bounds: bounds, readsWeights: readsWeights,
      parse: csj_read_fingerprint)
    if request.name.isEmpty { request.name = source.stem }
    return request
  }
}
