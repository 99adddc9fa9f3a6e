import CSimdJSON

extension ForeignFormat {
  /// Router traces of Megatron-core.
  public static let megatron = ForeignFormat(MegatronFormat.self)
}

/// Megatron-core's `--moe-routing-trace-path`: `router_trace_rank<N>.jsonl`, a record each step and
/// layer, `{"step", "stage", "block", "layer", "rank", "num_tokens", "topk", "top_indices": [[ids]]}`.
///
/// A rank's file holds the rank's own tokens and is a request of its own. The two paths of Megatron
/// number layers differently: with a known model, numbers that are its MoE layers only if counted
/// from 1 are. Ids of the hook stand in ascending order and not in that of gate weights. Of the
/// blocks the decoder is read; those that predict several tokens (`mtp`) are named and passed over.
struct MegatronFormat: EventLogFormat {
  static let name = "megatron"
  static let summary = "Megatron-core router traces (JSON lines), a rank a file"

  static let sample = (
    fileName: "router_trace_rank0.jsonl",
    content: Array(
      """
      {"step": 0, "stage": "pre_dispatch", "block": "decoder", "layer": 1, "rank": 0, "num_tokens": 2, \
      "topk": 2, "top_indices": [[5, 2], [0, 7]]}
      {"step": 0, "stage": "pre_dispatch", "block": "decoder", "layer": 2, "rank": 0, "num_tokens": 2, \
      "topk": 2, "top_indices": [[3, 6], [4, 1]]}
      {"step": 1, "stage": "pre_dispatch", "block": "decoder", "layer": 1, "rank": 0, "num_tokens": 1, \
      "topk": 2, "top_indices": [[1, 4]]}
      {"step": 1, "stage": "pre_dispatch", "block": "decoder", "layer": 2, "rank": 0, "num_tokens": 1, \
      "topk": 2, "top_indices": [[6, 7]]}

      """.utf8)
  )

  static var dialect: LogDialect {
    var dialect = LogDialect()
    dialect.keys.layer = csj_name("layer")
    dialect.keys.ids = csj_name("top_indices")
    dialect.keys.top_k = csj_name("topk")
    dialect.keys.phase = csj_name("block")
    dialect.phases = [("decoder", .either)]
    dialect.keys.has_rows = 1
    dialect.mayCountLayersFromOne = true
    return dialect
  }

  var reader: LogReader

  /// A record with the keys of ids and of the number of tokens.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    guard let line = firstObject(head) else { return false }
    return JSONText.holds(line, key: "top_indices") && JSONText.holds(line, key: "num_tokens")
  }
}
