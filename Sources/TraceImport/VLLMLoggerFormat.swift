import CSimdJSON

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
struct VLLMLoggerFormat: EventLogFormat {
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

  static var dialect: LogDialect {
    var dialect = LogDialect()
    dialect.keys.kind = csj_name("type")
    dialect.keys.choice = csj_name("route")
    dialect.keys.meta = csj_name("meta")
    dialect.keys.request = csj_name("req_id")
    dialect.keys.token = csj_name("token_idx")
    dialect.keys.layer = csj_name("layer")
    dialect.keys.ids = csj_name("topk_ids")
    dialect.keys.weights = csj_name("topk_weights")
    dialect.keys.top_k = csj_name("top_k")
    dialect.keys.layers = csj_name("layers_logged")
    dialect.keys.experts = csj_name("num_experts")
    dialect.keys.model = csj_name("model_id")
    dialect.joinsLayers = true
    return dialect
  }

  var reader: LogReader

  /// A first line that is a `meta` or `route` record of such a log.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    guard let line = firstObject(head), JSONText.holds(line, key: "type") else { return false }
    return JSONText.holds(line, key: "topk_ids") || JSONText.holds(line, key: "layers_logged")
  }
}
