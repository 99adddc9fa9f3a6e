import FoundationEssentials
import RoutingTrace

/// A prompt as a table of the MoE-Beyond data set: a row a token and layer, layer by layer; the
/// layers of the model are numbered from `firstLayer`.
func expertTable(_ request: RequestTrace, _ shape: TraceShape, firstLayer: Int) -> [UInt8] {
  var text = "Layer ID,Batch Number,Token,Activated Expert IDs\r\n"
  for layer in 0..<shape.layers {
    for token in 0..<request.ids.count / shape.idsPerToken {
      let at = (token * shape.layers + layer) * shape.topK
      let ids = request.ids[at..<at + shape.topK].map(String.init).joined(separator: ", ")
      text += "\(layer + firstLayer),0,▁word\(token % 100),\"[\(ids)]\"\r\n"
    }
  }
  return Array(text.utf8)
}

/// Sequences as one layer's file of ESFT's expert scores: a line each, gate weights of
/// 1 / (slot + 2.7) as single precision prints them.
func expertScores(_ requests: [RequestTrace], _ shape: TraceShape, layer: Int) -> [UInt8] {
  let weights = (0..<shape.topK).map { String(1 / (Float($0) + 2.7)) }.joined(separator: "\t")
  var text = ""
  for request in requests {
    let tokens = request.ids.count / shape.idsPerToken
    let ids = (0..<tokens).flatMap { token in
      let at = (token * shape.layers + layer) * shape.topK
      return request.ids[at..<at + shape.topK].map(String.init)
    }
    text += ids.joined(separator: "\t") + "\t\t"
    text += Array(repeating: weights, count: tokens).joined(separator: "\t") + "\n"
  }
  return Array(text.utf8)
}

/// A request as a vLLM routing logger writes it: the prompt's step layer by layer, then a step a
/// token; gate weights of 1 / (slot + 2.7).
func routingLog(_ request: RequestTrace, _ shape: TraceShape, firstLayer: Int) -> [UInt8] {
  let weights = (0..<shape.topK).map { String(1 / (Double($0) + 2.7)) }.joined(separator: ", ")
  let layers = (0..<shape.layers).map { $0 + firstLayer }
  var text =
    "{\"type\": \"meta\", \"model_id\": \"bench\", \"layers_logged\": \(layers), "
    + "\"top_k\": \(shape.topK)}\n"
  func step(_ tokens: Range<Int>) {
    for layer in 0..<shape.layers {
      for token in tokens {
        let at = (token * shape.layers + layer) * shape.topK
        let ids = request.ids[at..<at + shape.topK].map(String.init).joined(separator: ", ")
        text +=
          "{\"type\": \"route\", \"req_id\": \"r1\", \"token_idx\": \(token - tokens.lowerBound), "
          + "\"layer\": \(layer + firstLayer), \"topk_ids\": [\(ids)], "
          + "\"topk_weights\": [\(weights)]}\n"
      }
    }
  }
  step(0..<request.prefill)
  for token in request.prefill..<request.ids.count / shape.idsPerToken { step(token..<token + 1) }
  return Array(text.utf8)
}

/// A request as SGLang answers it, zeros in dense layers.
func routedAnswer(_ request: RequestTrace, _ shape: TraceShape) -> [UInt8] {
  let tokens = request.ids.count / shape.idsPerToken
  var bytes: [UInt8] = []
  for token in 0..<tokens {
    bytes += [UInt8](repeating: 0, count: 4 * denseLayers * shape.topK)
    let at = token * shape.idsPerToken
    bytes += request.ids[at..<at + shape.idsPerToken].flatMap {
      [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8), 0, 0]
    }
  }
  return Array(
    ("{\"text\": \"ok\", \"meta_info\": {\"id\": \"r1\", \"prompt_tokens\": \(request.prefill), "
      + "\"completion_tokens\": \(tokens - request.prefill + 1), \"routed_experts\": \""
      + Data(bytes).base64EncodedString() + "\"}}").utf8)
}
