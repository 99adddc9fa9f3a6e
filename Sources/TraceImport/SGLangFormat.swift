import CSimdJSON
import RoutingTrace

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

  /// A prompt of two tokens and a decoded one, `[[5, 2]]`, `[[0, 7]]`, `[[1, 6]]`.
  static let sample = (
    fileName: "answer.json",
    content: Array(
      """
      {"text": " a b", "meta_info": {"id": "r1", "prompt_tokens": 2, "completion_tokens": 2, \
      "routed_experts": "BQAAAAIAAAAAAAAABwAAAAEAAAAGAAAA"}}
      """.utf8)
  )

  private let json: JSONReader
  private let options: ImportOptions
  private var file: SourceFile
  /// The open source, and what of it was not read yet.
  private var source: TraceSource?
  private var unread = 0..<0
  /// Whether the file holds an answer a line.
  private var isLines = false
  /// Requests of the latest text, the next one last.
  private var waiting: [RawRequest] = []

  init(options: ImportOptions) throws(ImportError) {
    json = try JSONReader()
    self.options = options
    file = SourceFile(options: options)
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

  mutating func open(_ source: TraceSource) throws(ImportError) {
    try file.open(source)
    self.source = file.take()
    unread = 0..<file.bytes.count
    isLines = false
  }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    while waiting.isEmpty, let source, !rest.allSatisfy(JSONText.isSpace) {
      waiting = try nextText(of: source, within: bounds).reversed()
    }
    return waiting.popLast()
  }

  /// What was not read yet.
  private var rest: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: file.bytes.bytes[unread])
  }

  /// The requests of the next text: a line where lines are answers, else all of the file.
  private mutating func nextText(
    of source: TraceSource, within bounds: EventBounds
  ) throws(ImportError) -> [RawRequest] {
    let text = rest
    let line = UnsafeRawBufferPointer(rebasing: text.prefix { $0 != 0x0A })
    let isFirst = unread.lowerBound == 0
    let isWhole = line.count == text.count
    if line.allSatisfy(JSONText.isSpace) {
      unread = min(unread.lowerBound + line.count + 1, unread.upperBound)..<unread.upperBound
      return []
    }
    if isLines || isWhole || isFirst {
      do throws(ImportError) {
        let requests = try self.requests(in: line, of: source, within: bounds)
        isLines = true
        unread = min(unread.lowerBound + line.count + 1, unread.upperBound)..<unread.upperBound
        return requests
      } catch {
        // The first line of a text over several is not JSON by itself.
        guard !isLines, !isWhole, error.kind == .malformed else { throw error }
      }
    }
    unread = unread.upperBound..<unread.upperBound
    return try requests(in: text, of: source, within: bounds)
  }

  /// The requests of the answers in `text`.
  private func requests(
    in text: UnsafeRawBufferPointer, of source: TraceSource, within bounds: EventBounds
  ) throws(ImportError) -> [RawRequest] {
    let offset = file.bytes.markLength + unread.lowerBound
    var requests: [RawRequest] = []
    for answer in try json.answers(in: text, offset: offset, file: source.path) {
      var request = try RoutedAnswer(answer, options: options, bounds: bounds).request(
        file: source.path, byte: offset + answer.byte)
      if request.name.isEmpty { request.name = source.stem }
      requests.append(request)
    }
    if !requests.isEmpty { requests[0].remarks += json.remarks }
    return requests
  }
}
