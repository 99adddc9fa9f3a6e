import CSimdJSON

extension ForeignFormat {
  /// JSON lines with `layer_idx`, `token_idx`, `selected_ids` and `gate_weights`.
  public static let tokenChoices = ForeignFormat(TokenChoicesFormat.self)
}

/// JSON lines of hooks on a model's routers, a record each token and layer, a file a request:
/// `{"layer_idx", "token_idx", "selected_ids", "gate_weights"}`.
///
/// Tokens are numbered through the request. Where the prompt's layers are written one behind the
/// other and later tokens one at a time, that tells the prompt; else `--prefill` must.
struct TokenChoicesFormat: EventLogFormat {
  static let name = "token-choices"
  static let summary = "JSON lines with layer_idx, token_idx, selected_ids, one request a file"

  static let sample = (
    fileName: "choices.jsonl",
    content: Array(
      """
      {"layer_idx": 0, "token_idx": 0, "selected_ids": [5, 2], "gate_weights": [0.5, 0.25]}
      {"layer_idx": 0, "token_idx": 1, "selected_ids": [0, 7], "gate_weights": [0.75, 0.125]}
      {"layer_idx": 1, "token_idx": 0, "selected_ids": [3, 6], "gate_weights": [0.5, 0.5]}
      {"layer_idx": 1, "token_idx": 1, "selected_ids": [4, 1], "gate_weights": [0.5, 0.25]}

      """.utf8)
  )

  static var dialect: LogDialect {
    var dialect = LogDialect()
    dialect.keys.token = csj_name("token_idx")
    dialect.keys.layer = csj_name("layer_idx")
    dialect.keys.ids = csj_name("selected_ids")
    dialect.keys.weights = csj_name("gate_weights")
    dialect.steps = .layer
    return dialect
  }

  var reader: LogReader

  /// A record with the keys of layer and ids.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    guard let line = firstObject(head) else { return false }
    return JSONText.holds(line, key: "selected_ids") && JSONText.holds(line, key: "layer_idx")
  }
}
