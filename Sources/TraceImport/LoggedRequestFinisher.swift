import RoutingTrace

/// Makes requests of what was gathered event by event, all over the same layers.
struct LoggedRequestFinisher {
  private let options: ImportOptions
  /// Layers of the trace, ascending: the model's, or those that were met.
  private var layers: [Int]

  init(options: ImportOptions) {
    self.options = options
    layers = options.model.map { Array($0.moeLayers) } ?? []
  }

  /// The request, named `stem` where it has no name.
  ///
  /// - Parameters:
  ///   - tellsPrompt: whether its source tells which tokens are the prompt's.
  ///   - experts: experts of a layer, where its source says so.
  /// - Throws: ``ImportError`` where nothing tells the prompt, or a few records would stand for a
  ///   multitude of empty events.
  mutating func finish(
    _ request: LoggedRequest, file: String, stem: String, tellsPrompt: Bool, experts: Int? = nil,
    remarks: [Remark] = []
  ) throws(ImportError) -> RawRequest {
    if options.model == nil || !Set(layers).isSuperset(of: request.columns.map(\.layer)) {
      layers = Set(layers).union(request.columns.map(\.layer)).sorted()
    }
    let (events, overflow) = request.tokens.multipliedReportingOverflow(by: layers.count)
    guard !overflow, events / 1024 <= request.records else {
      throw ImportError(
        .malformed, file: file,
        problem:
          "\(request.records) records for \(request.tokens) tokens of \(layers.count) layers",
        remedy: "a token's place must start again with each engine step, in every layer, or go on "
          + "by one")
    }
    var raw = request.request(over: layers)
    raw.remarks = remarks
    raw.experts = experts
    if raw.name.isEmpty { raw.name = stem }
    // What the user says is more than what the order of records tells.
    if options.prefill != nil, !tellsPrompt { raw.prefill = nil }
    guard raw.prefill != nil || options.prefill != nil else {
      throw ImportError(
        .missing, file: file,
        problem: "its \(request.steps.count) engine steps of \(request.tokens) tokens do not tell "
          + "which are of a prompt",
        remedy: "give --prefill N, or --prefill 0 to count all tokens as decoded")
    }
    return raw
  }
}
