import CSimdJSON
import RoutingTrace

extension ForeignFormat {
  /// JSON lines of vLLM routing loggers, a record an event.
  public static let vllmLogger = ForeignFormat(VLLMLoggerFormat.self)
}

/// Routing loggers that people patch into vLLM: JSON lines, first
/// `{"type": "meta", "model_id", "layers_logged", "top_k", ...}`, then
/// `{"type": "route", "req_id", "token_idx", "layer", "topk_ids", "topk_weights"}`, a token's
/// choice in a layer each.
///
/// Most log one layer a file, `moe_layer0.jsonl` and so on: files of a folder that hold other
/// layers of the same model are read together, and joined by the order of their records. They must
/// then have the same tokens.
///
/// `token_idx` is a place in an engine step and starts again with each, so it begins no request:
/// all records of a recording with one `req_id` are one, in the order of the log. Where the logger
/// gives all the same `req_id`, as the public ones do, whatever the engine batched is one request.
struct VLLMLoggerFormat: TraceFormat {
  static let name = "vllm-logger"
  static let summary = "vLLM routing logs (JSON lines), some layers a file"

  static let sample = (
    fileName: "moe_layer1.jsonl",
    content: Array(
      """
      {"type": "meta", "model_id": "m", "layers_logged": [1], "top_k": 2}
      {"type": "route", "req_id": "r1", "token_idx": 0, "layer": 1, "topk_ids": [5, 2], \
      "topk_weights": [0.5, 0.25]}
      {"type": "route", "req_id": "r1", "token_idx": 1, "layer": 1, "topk_ids": [0, 7], \
      "topk_weights": [0.75, 0.125]}
      {"type": "route", "req_id": "r1", "token_idx": 0, "layer": 1, "topk_ids": [3, 6], \
      "topk_weights": [0.5, 0.5]}

      """.utf8)
  )

  private let json: JSONReader
  private let options: ImportOptions
  /// The logs that are read together.
  private var logs: [RoutingLog] = []
  /// Requests of their recording that were not handed on, the next one last.
  private var waiting: [LoggedRequest] = []
  /// Layers of the trace, ascending: the model's, or those that were met.
  private var layers: [Int]

  init(options: ImportOptions) throws(ImportError) {
    json = try JSONReader()
    self.options = options
    layers = options.model.map { Array($0.moeLayers) } ?? []
  }

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".jsonl") }

  /// A first line that is a `meta` or `route` record of such a log.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    let line = head.drop(while: JSONText.isSpace).prefix { $0 != 0x0A }
    guard line.first == UInt8(ascii: "{"), JSONText.holds(line, key: "type") else { return false }
    return JSONText.holds(line, key: "topk_ids") || JSONText.holds(line, key: "layers_logged")
  }

  /// Neighbours of one folder that hold other layers of one model are opened together.
  static func sources(of files: [FoundFile]) throws(ImportError) -> [TraceSource] {
    let json = try JSONReader()
    var sources: [TraceSource] = []
    var group: RoutingLog.Facts?
    for file in files {
      let facts = RoutingLog.facts(of: file, json: json)
      let last = sources.last?.files.last
      if let group, last?.content == nil, file.content == nil, let last,
        parent(last.path) == parent(file.path), !facts.layers.isEmpty,
        facts.model == group.model, facts.topK == group.topK,
        Set(facts.layers).isDisjoint(with: group.layers)
      {
        sources[sources.count - 1].files.append(file)
        sources[sources.count - 1].size += file.size
      } else {
        sources.append(
          TraceSource(path: file.path, folder: file.folder, size: file.size, files: [file]))
        group = RoutingLog.Facts(model: facts.model, topK: facts.topK)
      }
      group?.layers += facts.layers
    }
    return sources
  }

  mutating func open(_ source: TraceSource) throws(ImportError) {
    logs = []
    for file in source.files {
      logs.append(
        try RoutingLog(
          file, json: json, limit: options.maximumFileSize, readsWeights: options.readsWeights))
    }
  }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    if waiting.isEmpty { waiting = try nextRecording(within: bounds).reversed() }
    guard let request = waiting.popLast() else { return nil }
    if options.model == nil || !Set(layers).isSuperset(of: request.columns.map(\.layer)) {
      layers = Set(layers).union(request.columns.map(\.layer)).sorted()
    }
    try checkSize(request)
    var raw = request.request(over: layers)
    raw.remarks = logs.flatMap(\.remarks)
    // What the user says is more than what the order of records tells.
    if options.prefill != nil { raw.prefill = nil }
    guard raw.prefill != nil || options.prefill != nil else {
      throw ImportError(
        .missing, file: logs[0].found.path,
        problem: "its \(request.steps.count) engine steps of \(request.tokens) tokens do not tell "
          + "which are of a prompt",
        remedy: "give --prefill N, or --prefill 0 to count all tokens as decoded")
    }
    return raw
  }

  /// The requests of the next recording of all logs, joined.
  private mutating func nextRecording(
    within bounds: EventBounds
  ) throws(ImportError) -> [LoggedRequest] {
    var requests: [LoggedRequest] = []
    for index in logs.indices {
      let others = try logs[index].nextRecording(within: bounds)
      if index == 0 {
        requests = others
        continue
      }
      let (own, first) = (logs[index], logs[0])
      if let isWeighted = own.isWeighted,
        let other = logs[..<index].first(where: { $0.isWeighted ?? isWeighted != isWeighted })
      {
        throw ImportError(
          .mismatch, file: own.found.path,
          problem: "it has \(isWeighted ? "" : "no ")topk_weights, unlike \(other.found.name)",
          remedy: "leave gate weights out with --no-weights")
      }
      guard others.count == requests.count else {
        throw ImportError(
          .mismatch, file: own.found.path, line: own.line,
          problem: "\(others.count) requests, but \(first.found.name) has \(requests.count) there",
          remedy: "they are not of one run: import them one at a time")
      }
      for (ordinal, other) in others.enumerated() {
        try join(other, of: own, into: &requests[ordinal], of: first)
      }
    }
    return requests
  }

  /// Joins what two logs hold of one request.
  private func join(
    _ other: LoggedRequest, of log: RoutingLog, into request: inout LoggedRequest,
    of first: RoutingLog
  ) throws(ImportError) {
    let known = Set(request.columns.map(\.layer))
    if let twice = other.columns.first(where: { known.contains($0.layer) }) {
      throw ImportError(
        .malformed, file: log.found.path, layer: twice.layer,
        problem: "the layer is in another file of the folder too",
        remedy: "import the files one at a time")
    }
    guard other.name == request.name, other.topK == request.topK else {
      throw ImportError(
        .mismatch, file: log.found.path,
        problem: "request \(other.name), top-\(other.topK), but \(first.found.name) has "
          + "\(request.name), top-\(request.topK), there",
        remedy: "they are not of one run: import them one at a time")
    }
    if let token = request.firstDifference(from: other) {
      throw ImportError(
        .mismatch, file: log.found.path, token: token,
        problem: "the token stands elsewhere in its engine step than in \(first.found.name) "
          + "(\(other.tokens) and \(request.tokens) tokens in all)",
        remedy: token > 0
          ? "import the files one at a time, or keep of each what is before that token"
          : "they are not of one run: import them one at a time")
    }
    request.join(other)
  }

  /// Throws where a few records would stand for a multitude of empty events.
  private func checkSize(_ request: LoggedRequest) throws(ImportError) {
    let (events, overflow) = request.tokens.multipliedReportingOverflow(by: layers.count)
    guard !overflow, events / 1024 <= request.records else {
      throw ImportError(
        .malformed, file: logs[0].found.path,
        problem:
          "\(request.records) records for \(request.tokens) tokens of \(layers.count) layers",
        remedy: "token_idx must start again with each engine step, in every layer")
    }
  }
}
