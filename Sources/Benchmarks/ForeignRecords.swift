import FoundationEssentials
import RoutingTrace

/// What people's loggers write, a record an event or a batch: the prompt layer by layer, then token by
/// token. The layers of the model are numbered from `firstLayer`; gate weights are 1 / (slot + 2.7).
struct ForeignRecords {
  let request: RequestTrace
  let shape: TraceShape
  var firstLayer = 1

  private var tokens: Int { request.ids.count / shape.idsPerToken }

  private func ids(_ token: Int, _ layer: Int) -> ArraySlice<UInt16> {
    let at = (token * shape.layers + layer) * shape.topK
    return request.ids[at..<at + shape.topK]
  }

  private func list(_ token: Int, _ layer: Int) -> String {
    "[" + ids(token, layer).map(String.init).joined(separator: ", ") + "]"
  }

  private var weights: [String] { (0..<shape.topK).map { String(1 / (Double($0) + 2.7)) } }

  /// Tokens and layers in the order in which engines compute them.
  private func inOrder(_ visit: (_ token: Int, _ layer: Int) -> Void) {
    for layer in 0..<shape.layers { for token in 0..<request.prefill { visit(token, layer) } }
    for token in request.prefill..<tokens { for layer in 0..<shape.layers { visit(token, layer) } }
  }

  /// moe-cache-lab's JSON lines.
  var cacheLab: [UInt8] {
    var text =
      "{\"record_type\": \"metadata\", \"format\": \"moe-cache-lab.routing-jsonl\", "
      + "\"format_version\": 1, \"model_id\": \"bench\"}\n"
    let weights = weights.joined(separator: ", ")
    inOrder { token, layer in
      let phase = token < request.prefill ? "prompt" : "generated"
      text +=
        "{\"record_type\": \"routing_selection\", \"phase\": \"\(phase)\", "
        + "\"layer\": \(layer + firstLayer), \"token_position\": \(token), \"token_id\": 7, "
        + "\"selected_experts\": \(list(token, layer)), "
        + "\"selected_probabilities\": [\(weights)]}\n"
    }
    return Array(text.utf8)
  }

  /// Batches in one layer: the prompt's tokens, then one at a time.
  private func batches(_ visit: (_ tokens: Range<Int>, _ layer: Int) -> Void) {
    let steps = [0..<request.prefill] + (request.prefill..<tokens).map { $0..<$0 + 1 }
    for step in steps { for layer in 0..<shape.layers { visit(step, layer) } }
  }

  /// Megatron-core's router trace of a rank.
  var megatron: [UInt8] {
    var text = ""
    batches { step, layer in
      let rows = step.map { list($0, layer) }.joined(separator: ", ")
      text +=
        "{\"step\": \(step.lowerBound), \"stage\": \"pre_dispatch\", \"block\": \"decoder\", "
        + "\"layer\": \(layer + firstLayer), \"rank\": 0, \"num_tokens\": \(step.count), "
        + "\"topk\": \(shape.topK), \"top_indices\": [\(rows)]}\n"
    }
    return Array(text.utf8)
  }

  /// llama.cpp's binary records.
  var llamaRecords: [UInt8] {
    var bytes: [UInt8] = []
    func put(_ number: Int) {
      withUnsafeBytes(of: Int32(number).littleEndian) { bytes += $0 }
    }
    batches { step, layer in
      put(layer + firstLayer)
      put(step.count)
      put(shape.topK)
      for token in step { for id in ids(token, layer) { put(Int(id)) } }
    }
    return bytes
  }

  /// llama.cpp's table of a row a choice.
  var llamaChoices: [UInt8] {
    var text = "phase,token,layer,rank,expert\n"
    inOrder { token, layer in
      let phase = token < request.prefill ? "prefill" : "decode"
      for (rank, id) in ids(token, layer).enumerated() {
        text += "\(phase),\(token),\(layer + firstLayer),\(rank),\(id)\n"
      }
    }
    return Array(text.utf8)
  }

  /// llama.cpp's table of a row an event.
  var llamaEvents: [UInt8] {
    var text = ""
    inOrder { token, layer in
      text += "\(token),\(layer + firstLayer),"
      text += ids(token, layer).map(String.init).joined(separator: ",") + "\n"
    }
    return Array(text.utf8)
  }

  /// A table of a column an expert.
  var expertColumns: [UInt8] {
    var text =
      "layer_id,token_id,"
      + (0..<shape.experts).map { "expert_\($0)" }.joined(separator: ",") + "\n"
    let gates = (0..<shape.topK).map { String("\(1 / (Double($0) + 2.7))00000000".prefix(8)) }
    for layer in 0..<shape.layers {
      for token in 0..<tokens {
        var row = Array(repeating: "0.000000", count: shape.experts)
        for (slot, id) in ids(token, layer).enumerated() { row[Int(id)] = gates[slot] }
        text += "\(layer + firstLayer),\(token)," + row.joined(separator: ",") + "\n"
      }
    }
    return Array(text.utf8)
  }

  /// A line of OLMoE's routing script, all layers of the model in it.
  var olmoe: [UInt8] {
    let rows = (0..<tokens).map { token in
      "["
        + (0..<shape.topK).map { slot in
          "["
            + (0..<shape.layers).map { layer in
              "\(ids(token, layer).dropFirst(slot).first ?? 0)"
            }.joined(separator: ", ") + "]"
        }.joined(separator: ", ") + "]"
    }
    return Array(
      "{\"input_ids\": [1, 2], \"exp_ids\": [\(rows.joined(separator: ", "))]}\n".utf8)
  }

  /// A trace of moe-routing-atlas.
  var atlas: [UInt8] {
    var choices: [String] = []
    for token in 0..<tokens {
      for layer in 0..<shape.layers {
        for (id, weight) in zip(ids(token, layer), weights) {
          choices.append(
            "{\"layer\": \(layer + firstLayer), \"token_idx\": \(token), "
              + "\"expert_idx\": \(id), \"gate_weight\": \(weight)}")
        }
      }
    }
    return Array(
      ("{\"model_id\": \"bench\", \"top_k\": \(shape.topK), "
        + "\"num_experts\": \(shape.experts), \"activations\": ["
        + choices.joined(separator: ", ") + "]}\n").utf8)
  }

  /// An export of all layers.
  var glmExport: [UInt8] {
    let layers = (0..<shape.layers).map { layer in
      let rows = (0..<tokens).map { list($0, layer) }.joined(separator: ", ")
      return "\"\(layer + firstLayer)\": {\"executed_topk\": [\(rows)]}"
    }
    return Array(
      ("{\"routing\": {\"k\": \(shape.topK), \"n_expert_per_layer\": \(shape.experts)}, "
        + "\"layers\": {\(layers.joined(separator: ", "))}, \"conditional\": {\"prompts\": "
        + "[{\"start_row\": 0, \"prefill_rows\": \(request.prefill), \"end_row\": \(tokens), "
        + "\"category\": \"bench\"}]}}").utf8)
  }

  /// An answer of a server on vLLM, MoE layers only.
  var answer: [UInt8] {
    let data = Data(request.ids.map { UInt8(truncatingIfNeeded: $0) }).base64EncodedString()
    return Array(
      ("{\"id\": \"r1\", \"choices\": [{\"routed_experts\": {\"data\": \"\(data)\", "
        + "\"shape\": [\(tokens), \(shape.layers), \(shape.topK)], \"dtype\": \"uint8\"}}], "
        + "\"usage\": {\"prompt_tokens\": \(request.prefill)}}\n").utf8)
  }
}
