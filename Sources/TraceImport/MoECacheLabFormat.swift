import CSimdJSON

extension ForeignFormat {
  /// Traces of moe-cache-lab.
  public static let moeCacheLab = ForeignFormat(MoECacheLabFormat.self)
}

/// Traces of moe-cache-lab, versions 1 and 2: JSON lines, first a metadata record, then a
/// `routing_selection` each token and layer; a file a request.
///
/// The phases tell the prompt from what was generated. Of encoder-decoder models (version 2) the
/// decoder's layers are read: the encoder's numbers are of other layers. A token that found no place
/// (`"assignment_state": "unassigned"`) has an empty event.
struct MoECacheLabFormat: EventLogFormat {
  static let name = "moe-cache-lab"
  static let summary = "moe-cache-lab JSON lines (v1, v2), one request a file"

  static let sample = (
    fileName: "trace.jsonl",
    content: Array(
      """
      {"record_type": "metadata", "format": "moe-cache-lab.routing-jsonl", "format_version": 1, \
      "model_id": "m", "num_experts": 8, "experts_per_token": 2}
      {"record_type": "routing_selection", "phase": "prompt", "layer": 0, "token_position": 0, \
      "token_id": 7, "selected_experts": [5, 2], "selected_probabilities": [0.5, 0.25]}
      {"record_type": "routing_selection", "phase": "prompt", "layer": 2, "token_position": 0, \
      "token_id": 7, "selected_experts": [1, 3], "selected_probabilities": [0.75, 0.125]}
      {"record_type": "routing_selection", "phase": "generated", "layer": 0, "token_position": 1, \
      "token_id": 9, "selected_experts": [4, 6], "selected_probabilities": [0.5, 0.5]}
      {"record_type": "routing_selection", "phase": "generated", "layer": 2, "token_position": 1, \
      "token_id": 9, "selected_experts": [0, 7], "selected_probabilities": [0.5, 0.25]}

      """.utf8)
  )

  static var dialect: LogDialect {
    var dialect = LogDialect()
    dialect.keys.kind = csj_name("record_type")
    dialect.keys.choice = csj_name("routing_selection")
    dialect.keys.meta = csj_name("metadata")
    dialect.keys.token = csj_name("token_position")
    dialect.keys.layer = csj_name("layer")
    dialect.keys.ids = csj_name("selected_experts")
    dialect.keys.weights = csj_name("selected_probabilities")
    dialect.keys.phase = csj_name("phase")
    dialect.keys.top_k = csj_name("experts_per_token")
    dialect.keys.experts = csj_name("num_experts")
    dialect.keys.model = csj_name("model_id")
    dialect.keys.stages = csj_name("routing_stages")
    dialect.keys.stage = csj_name("routing_stage")
    dialect.keys.stage_name = csj_name("decoder")
    dialect.keys.stage_top_k = csj_name("assigned_experts_per_token")
    dialect.phases = [
      ("prompt", .prompt), ("decoder_prompt", .prompt), ("generated", .decoded),
      ("decoder_generated", .decoded),
    ]
    return dialect
  }

  var reader: LogReader

  /// A metadata record of the format, or a record of it.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    guard let line = firstObject(head) else { return false }
    return JSONText.holds(line, key: "moe-cache-lab.routing-jsonl")
      || JSONText.holds(line, key: "routing_selection")
  }
}
