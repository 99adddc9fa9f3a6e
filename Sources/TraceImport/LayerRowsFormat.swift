import CSimdJSON

extension ForeignFormat {
  /// Records of a request's layers.
  public static let layerRows = ForeignFormat(LayerRowsFormat.self)
}

/// What scripts make of archived requests: JSON lines, a record each request and layer,
/// `{"layer", "batch_id", "topk_experts": [[ids] per token], "request_id", "source_file"}`.
///
/// Records of one request follow each other; a layer that comes again is the next batch of it.
struct LayerRowsFormat: EventLogFormat {
  static let name = "layer-rows"
  static let summary = "JSON lines of a request's layers (topk_experts), many requests a file"

  static let sample = (
    fileName: "trace.jsonl",
    content: Array(
      """
      {"layer": 0, "batch_id": 0, "topk_experts": [[5, 2], [0, 7]], "request_id": 0, \
      "source_file": "problem_id_0.npz"}
      {"layer": 1, "batch_id": 0, "topk_experts": [[3, 6], [4, 1]], "request_id": 0, \
      "source_file": "problem_id_0.npz"}
      {"layer": 0, "batch_id": 0, "topk_experts": [[1, 4]], "request_id": 1, \
      "source_file": "problem_id_1.npz"}
      {"layer": 1, "batch_id": 0, "topk_experts": [[6, 7]], "request_id": 1, \
      "source_file": "problem_id_1.npz"}

      """.utf8)
  )

  static var dialect: LogDialect {
    var dialect = LogDialect()
    dialect.keys.request = csj_name("request_id")
    dialect.keys.layer = csj_name("layer")
    dialect.keys.ids = csj_name("topk_experts")
    dialect.keys.has_rows = 1
    return dialect
  }

  var reader: LogReader

  /// A record with the key of ids.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    guard let line = firstObject(head) else { return false }
    return JSONText.holds(line, key: "topk_experts")
  }
}
