extension ForeignFormat {
  /// Answers of an SGLang server with their routing.
  public static let sglangJSON = ForeignFormat(SGLangFormat.self)
}

/// Answers of a server that runs with SGLang's `--enable-return-routed-experts`, saved as JSON: of
/// `/generate`, `meta_info.routed_experts`, or of the OpenAI endpoints, `sglext.routed_experts` or
/// `choices[].sgl_ext.routed_experts`. A file holds one answer, a list of them, or one a line.
///
/// The routing is base64 of little-endian int32 `[tokens - 1 - start, all layers, k]` without a
/// header: the last sampled token has no row, and `start` tokens may be left out at the beginning.
/// How many layers and ids there are the shape says. Where the prompt ends is in `prompt_tokens`.
struct SGLangFormat: TraceFormat {
  static let name = "sglang-json"
  static let summary = "SGLang answers with routed_experts (JSON, or JSON lines)"
  static let marks = ["meta_info", "sglext", "sgl_ext", "routed_experts"]

  /// A prompt of two tokens and a decoded one, `[[5, 2]]`, `[[0, 7]]`, `[[1, 6]]`.
  static let sample = (
    fileName: "answer.json",
    content: Array(
      """
      {"text": " a b", "meta_info": {"id": "r1", "prompt_tokens": 2, "completion_tokens": 2, \
      "routed_experts": "BQAAAAIAAAAAAAAABwAAAAEAAAAGAAAA"}}
      """.utf8)
  )

  private var answers: AnswerReader

  init(options: ImportOptions) throws(ImportError) {
    answers = try AnswerReader(options: options)
    guard options.model != nil || options.topK != nil else {
      throw ImportError(
        .missing, file: "shape",
        problem: "SGLang's answers do not say how many layers and ids a token has",
        remedy: "give --shape NAME, or --top-k K with --experts E")
    }
  }

  static func accepts(fileNamed name: String) -> Bool {
    name.hasSuffix(".json") || name.hasSuffix(".jsonl")
  }

  /// JSON with `routed_experts` and one of the objects that SGLang puts it into.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    let first = head.first { !JSONText.isSpace($0) }
    guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else { return false }
    return JSONText.holds(head, key: "routed_experts")
      && ["meta_info", "sglext", "sgl_ext"].contains { JSONText.holds(head, key: $0) }
  }

  mutating func open(_ source: TraceSource) throws(ImportError) { try answers.open(source) }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    try answers.next(within: bounds)
  }
}
