import CSimdJSON

extension ForeignFormat {
  /// JSON lines of OLMoE's routing script.
  public static let olmoe = ForeignFormat(OLMoEFormat.self)
}

/// OLMoE's routing script: JSON lines, a text each,
/// `{"input_ids", "predicted_token_ids", "exp_ids": [tokens][k][layers]}`. All tokens are a prompt's:
/// the texts are run through the model once. Names are the numbers of the lines.
struct OLMoEFormat: TraceFormat {
  static let name = "olmoe"
  static let summary = "OLMoE routing script (JSON lines), one request a line"
  static let marks = ["input_ids", "predicted_token_ids", "exp_ids"]

  static let sample = (
    fileName: "results.jsonl",
    content: Array(
      """
      {"input_ids": [9, 8], "predicted_token_ids": [8, 7], \
      "exp_ids": [[[5, 1], [2, 6]], [[0, 3], [7, 4]]]}
      {"input_ids": [9], "predicted_token_ids": [8], "exp_ids": [[[2, 4], [3, 5]]]}

      """.utf8)
  )

  private let json: JSONReader
  private var documents: JSONDocuments
  /// Texts read of the open source.
  private var texts = 0

  init(options: ImportOptions) throws(ImportError) {
    json = try JSONReader()
    documents = JSONDocuments(options: options)
  }

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".jsonl") }

  /// An object with the key `exp_ids`.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    head.first { !JSONText.isSpace($0) } == UInt8(ascii: "{")
      && JSONText.holds(head, key: "exp_ids")
  }

  mutating func open(_ source: TraceSource) throws(ImportError) {
    try documents.open(source)
    texts = 0
  }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    guard let (document, source) = try documents.next() else { return nil }
    texts += 1
    var request = try json.request(
      in: document.text, offset: document.offset, file: source.path, bounds: bounds,
      parse: csj_read_transposed)
    request.name = "\(texts)"
    return request
  }
}
