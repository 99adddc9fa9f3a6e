import CSimdJSON

extension ForeignFormat {
  /// JSON lines of moe-trace.
  public static let moeTrace = ForeignFormat(MoETraceFormat.self)
}

/// moe-trace's JSON lines, a record each token and layer, a file a request:
/// `{"phase": "prefill" or "decode", "token_index", "layer", "expert_ids", "scores"}`.
///
/// Scores are taken for gate weights, whichever order they stand in.
struct MoETraceFormat: EventLogFormat {
  static let name = "moe-trace"
  static let summary = "moe-trace JSON lines with phases, one request a file"

  static let sample = (
    fileName: "trace.jsonl",
    content: Array(
      """
      {"phase": "prefill", "token_index": 0, "layer": 1, "expert_ids": [5, 2], "scores": [0.25, 0.5]}
      {"phase": "prefill", "token_index": 1, "layer": 1, "expert_ids": [0, 7], "scores": [0.125, 0.75]}
      {"phase": "decode", "token_index": 2, "layer": 1, "expert_ids": [3, 6], "scores": [0.5, 0.5]}

      """.utf8)
  )

  static var dialect: LogDialect {
    var dialect = LogDialect()
    dialect.keys.token = csj_name("token_index")
    dialect.keys.layer = csj_name("layer")
    dialect.keys.ids = csj_name("expert_ids")
    dialect.keys.weights = csj_name("scores")
    dialect.keys.phase = csj_name("phase")
    dialect.phases = [("prefill", .prompt), ("decode", .decoded)]
    return dialect
  }

  var reader: LogReader

  /// A record with the keys of token and ids.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    guard let line = firstObject(head) else { return false }
    return JSONText.holds(line, key: "expert_ids") && JSONText.holds(line, key: "token_index")
  }
}
