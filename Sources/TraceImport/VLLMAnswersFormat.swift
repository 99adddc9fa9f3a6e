extension ForeignFormat {
  /// Answers of a vLLM server, and of servers on it, with their routing.
  public static let vllmJSON = ForeignFormat(VLLMAnswersFormat.self)
}

/// Answers of a server that runs with vLLM's `--enable-return-routed-experts`, saved as JSON: a file
/// holds one, a list of them, or several behind one another. `routed_experts` of a choice is
///
/// - base64 of a NumPy file `[tokens - 1, all layers, k]` (0.24 on), `routed_experts_prompt_start` rows
///   left out at the beginning;
/// - nested lists of what was generated, beside `prompt_routed_experts` (0.21);
/// - `{"data", "shape", "dtype", "start"}`, base64 of the array alone, of `uint8` where no type is told
///   (prime-rl, and Dynamo in `nvext`); such an object may also be all of the file.
///
/// The prompt ends where `prompt_tokens` says, or its own rows do. The last sampled token has no row.
struct VLLMAnswersFormat: TraceFormat {
  static let name = "vllm-json"
  static let summary = "answers of vLLM, prime-rl, Dynamo with routed_experts (JSON or JSON lines)"
  static let marks = ["choices", "routed_experts", "prompt_routed_experts"]

  /// A prompt of two tokens and a decoded one, `[[5, 2]]`, `[[0, 7]]`, `[[1, 6]]`.
  static let sample = (
    fileName: "completion.json",
    content: Array(
      """
      {"id": "r1", "choices": [{"index": 0, "routed_experts": \
      {"data": "BQIABwEG", "shape": [3, 1, 2], "dtype": "uint8", "start": 0}}], \
      "usage": {"prompt_tokens": 2, "completion_tokens": 2}}
      """.utf8)
  )

  private var answers: AnswerReader

  init(options: ImportOptions) throws(ImportError) {
    answers = try AnswerReader(options: options)
  }

  static func accepts(fileNamed name: String) -> Bool {
    name.hasSuffix(".json") || name.hasSuffix(".jsonl")
  }

  /// JSON with `routed_experts` outside of SGLang's objects, or with the keys of an array.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    let first = head.first { !JSONText.isSpace($0) }
    guard first == UInt8(ascii: "{") || first == UInt8(ascii: "["),
      !["meta_info", "sglext", "sgl_ext"].contains(where: { JSONText.holds(head, key: $0) })
    else { return false }
    return JSONText.holds(head, key: "routed_experts")
      || JSONText.holds(head, key: "prompt_routed_experts")
      || JSONText.holds(head, key: "data") && JSONText.holds(head, key: "shape")
  }

  mutating func open(_ source: TraceSource) throws(ImportError) { try answers.open(source) }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    try answers.next(within: bounds)
  }
}
