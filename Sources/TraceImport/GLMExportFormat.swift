import CSimdJSON
import RoutingTrace

extension ForeignFormat {
  /// Exports `glm52-routing-trace-export`.
  public static let glmExport = ForeignFormat(GLMExportFormat.self)
}

/// Exports `glm52-routing-trace-export/v2`: one JSON object, `layers` by the model's own numbers, each
/// with `executed_topk`, the ids of all rows in rank order. `conditional.prompts` tells which rows are
/// whose, and how many of them the prompt's; its `category` becomes the task, and a prompt's number the
/// name. `executed_scores` chose the experts and are no gate weights, so they are not read.
struct GLMExportFormat: TraceFormat {
  static let name = "glm-export"
  static let summary = "glm52-routing-trace-export JSON, many requests a file"
  static let isOneValue = true
  static let marks = ["routing", "layers", "executed_topk", "conditional"]

  static let sample = (
    fileName: "export.json",
    content: Array(
      """
      {"schema": "glm52-routing-trace-export/v2", "routing": {"k": 2, "n_expert_per_layer": 8}, \
      "layer_map": {"traced_layers": [{"abs_layer": 3, "moe_order": 0}]}, \
      "layers": {"3": {"executed_topk": [[5, 2], [0, 7], [3, 6], [4, 1]], \
      "executed_scores": [[0.5, 0.25], [0.5, 0.5], [0.75, 0.5], [0.5, 0.25]]}}, \
      "conditional": {"prompts": [{"start_row": 0, "prefill_rows": 1, "decode_step_rows": 1, \
      "end_row": 2, "category": "code"}, {"start_row": 2, "prefill_rows": 2, \
      "decode_step_rows": 0, "end_row": 4, "category": "prose"}]}}
      """.utf8)
  )

  private let json: JSONReader
  private var file: SourceFile
  /// Requests of the open file, the next one last.
  private var waiting: [RawRequest] = []

  init(options: ImportOptions) throws(ImportError) {
    json = try JSONReader()
    file = SourceFile(options: options)
  }

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".json") }

  /// An object that names the schema, or has layers of `executed_topk`.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    head.first { !JSONText.isSpace($0) } == UInt8(ascii: "{")
      && (JSONText.holds(head, key: "executed_topk")
        || JSONText.holds(head, key: "glm52-routing-trace-export/v2"))
  }

  mutating func open(_ source: TraceSource) throws(ImportError) { try file.open(source) }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    if let source = file.take() { waiting = try requests(of: source, within: bounds).reversed() }
    return waiting.popLast()
  }

  /// The requests of the open file.
  private func requests(
    of source: TraceSource, within bounds: EventBounds
  ) throws(ImportError) -> [RawRequest] {
    let export = try json.layered(in: file.bytes, file: source.path, bounds: bounds)
    let layers = UnsafeBufferPointer(start: export.layers, count: export.layers_count)
    let order = layers.indices.sorted { layers[$0] < layers[$1] }
    if let twice = zip(order, order.dropFirst()).first(where: { layers[$0] == layers[$1] }) {
      throw ImportError(
        .malformed, file: source.path, layer: Int(layers[twice.1]),
        problem: "the layer is there twice", remedy: "write the export again")
    }
    let ids = UnsafeBufferPointer(
      start: export.ids, count: export.layers_count * export.rows * export.top_k)
    func request(_ rows: Range<Int>, prefill: Int?, name: String, task: String) -> RawRequest {
      let topK = export.top_k
      let own = [UInt16](unsafeUninitializedCapacity: rows.count * order.count * topK) {
        own, filled in
        for row in rows {
          for layer in order {
            let at = (layer &* export.rows &+ row) &* topK
            var slot = 0
            while slot < topK {
              own[filled] = ids[at &+ slot]
              filled &+= 1
              slot &+= 1
            }
          }
        }
      }
      return RawRequest(
        name: name, task: task, tokens: rows.count, prefill: prefill,
        layers: .numbered(order.map { Int(layers[$0]) }), topK: topK, ids: own,
        experts: export.experts > 0 ? Int(export.experts) : nil)
    }
    let prompts = UnsafeBufferPointer(start: export.prompts, count: export.prompts_count)
    guard !prompts.isEmpty else {
      return [request(0..<export.rows, prefill: nil, name: source.stem, task: "")]
    }
    var requests: [RawRequest] = []
    var end = 0
    for (number, prompt) in prompts.enumerated() {
      guard prompt.start >= end, prompt.end <= export.rows else {
        throw ImportError(
          .malformed, file: source.path,
          problem: "prompt \(number + 1) has rows \(prompt.start) to \(prompt.end), behind row "
            + "\(end) of \(export.rows)", remedy: "write the export again")
      }
      end = prompt.end
      requests.append(
        request(
          prompt.start..<prompt.end, prefill: prompt.prefill, name: "\(number + 1)",
          task: JSONReader.text(prompt.category, prompt.category_length)))
    }
    return requests
  }
}
