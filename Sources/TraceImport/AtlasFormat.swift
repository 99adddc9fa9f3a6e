import CSimdJSON
import RoutingTrace

extension ForeignFormat {
  /// Traces of moe-routing-atlas.
  public static let atlas = ForeignFormat(AtlasFormat.self)
}

/// moe-routing-atlas: JSON lines of a trace each, or `{"traces": [...]}`. A trace is a text run through
/// the model once, `{"model_id", "num_layers", "num_experts", "top_k", "activations": [{"layer",
/// "token_idx", "expert_idx", "gate_weight"}]}`, an activation for each expert that a token takes; so
/// all tokens are a prompt's. Of a token that has fewer than `top_k` the other slots are empty. Names are
/// the numbers of the traces.
struct AtlasFormat: TraceFormat {
  static let name = "atlas"
  static let summary = "moe-routing-atlas traces (JSON lines or JSON)"
  static let marks = ["activations", "layer", "token_idx", "expert_idx", "gate_weight"]

  static let sample = (
    fileName: "atlas.jsonl",
    content: Array(
      """
      {"model_id": "m", "num_layers": 2, "num_experts": 8, "top_k": 2, "token_strs": ["a", "b"], \
      "activations": [{"layer": 0, "token_idx": 0, "expert_idx": 5, "gate_weight": 0.5}, \
      {"layer": 0, "token_idx": 0, "expert_idx": 2, "gate_weight": 0.25}, \
      {"layer": 1, "token_idx": 0, "expert_idx": 3, "gate_weight": 0.75}, \
      {"layer": 0, "token_idx": 1, "expert_idx": 0, "gate_weight": 0.5}, \
      {"layer": 0, "token_idx": 1, "expert_idx": 7, "gate_weight": 0.5}]}

      """.utf8)
  )

  private let json: JSONReader
  private let options: ImportOptions
  private var documents: JSONDocuments
  private var finisher: LoggedRequestFinisher
  /// Requests of the latest text, the next one last.
  private var waiting: [RawRequest] = []
  /// Traces read of the open source.
  private var traces = 0

  init(options: ImportOptions) throws(ImportError) {
    json = try JSONReader()
    self.options = options
    documents = JSONDocuments(options: options)
    finisher = LoggedRequestFinisher(options: options)
  }

  static func accepts(fileNamed name: String) -> Bool {
    name.hasSuffix(".json") || name.hasSuffix(".jsonl")
  }

  /// An object with activations that name their expert.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    head.first { !JSONText.isSpace($0) } == UInt8(ascii: "{")
      && JSONText.holds(head, key: "activations") && JSONText.holds(head, key: "expert_idx")
  }

  mutating func open(_ source: TraceSource) throws(ImportError) {
    try documents.open(source)
    traces = 0
  }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    while waiting.isEmpty, let (document, source) = try documents.next() {
      let found = try json.atlas(
        in: document.text, offset: document.offset, file: source.path, bounds: bounds,
        readsWeights: options.readsWeights)
      for trace in found {
        traces += 1
        if let request = try request(trace, of: source, within: bounds) { waiting.append(request) }
      }
      waiting.reverse()
    }
    return waiting.popLast()
  }

  /// The request of one trace; nil where it has no activations.
  private mutating func request(
    _ trace: csj_choices, of source: TraceSource, within bounds: EventBounds
  ) throws(ImportError) -> RawRequest? {
    func fault(_ problem: String, token: Int32, layer: UInt16, remedy: String) -> ImportError {
      ImportError(
        .malformed, file: source.path, token: Int(token), layer: Int(layer),
        problem: "trace \(traces): \(problem)", remedy: remedy)
    }
    let choices = UnsafeBufferPointer(start: trace.choices, count: trace.count)
    // The first activation tells whether all have weights.
    let isWeighted = options.readsWeights && !(choices.first?.weight.isNaN ?? true)
    var gatherer = ChoiceGatherer(
      topK: bounds.topK ?? (trace.top_k > 0 ? Int(trace.top_k) : nil), tellsPrompt: false,
      stepEnd: .layer)
    var ids: [UInt16] = []
    var weights: [Float16] = []
    var at = 0
    while at < choices.count {
      let first = choices[at]
      ids.removeAll(keepingCapacity: true)
      weights.removeAll(keepingCapacity: true)
      while at < choices.count, choices[at].token == first.token, choices[at].layer == first.layer {
        ids.append(choices[at].expert)
        if isWeighted { weights.append(halfPrecision(choices[at].weight)) }
        at += 1
      }
      do throws(ChoiceGatherer.Problem) {
        try gatherer.add(
          place: Int(first.token), layer: Int(first.layer), ids: &ids, weights: &weights)
      } catch {
        throw fault(error.text, token: first.token, layer: first.layer, remedy: error.remedy)
      }
    }
    guard var request = gatherer.take() else { return nil }
    request.bePrompt()
    var raw = try finisher.finish(
      request, file: source.path, stem: "\(traces)", tellsPrompt: true,
      experts: trace.experts > 0 ? Int(trace.experts) : nil)
    raw.remarks += json.remarks
    return raw
  }
}
