import RoutingTrace

/// A prompt as a table of the MoE-Beyond data set: a row a token and layer, layer by layer; the layers
/// of the model are numbered from `firstLayer`.
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
