import Archive
import RoutingTrace

/// Dense layers that stand before those that route, as in DeepSeek-V3.
let denseLayers = 3
/// Bytes before the elements of a NumPy array.
let npyHeader = 128

/// A request as the data set writes it: the prompt's layers, then an entry a decoded token.
///
/// - Parameter indent: spaces a level, a value a line, as in the data set's own files; nil for one
///   line.
func selectionTrace(_ request: RequestTrace, _ shape: TraceShape, indent: Int? = nil) -> [UInt8] {
  let tokens = request.ids.count / shape.idsPerToken
  func list(_ values: [String], _ brackets: (String, String), level: Int) -> String {
    func line(_ level: Int) -> String {
      indent.map { "\n" + String(repeating: " ", count: $0 * level) } ?? ""
    }
    let comma = indent == nil ? ", " : "," + line(level + 1)
    return brackets.0 + line(level + 1) + values.joined(separator: comma) + line(level)
      + brackets.1
  }
  func entry(_ range: Range<Int>) -> String {
    var layers = (0..<denseLayers).map { "\"\($0)\": null" }
    for layer in 0..<shape.layers {
      let rows = range.map { token in
        let at = (token * shape.layers + layer) * shape.topK
        return list(
          request.ids[at..<at + shape.topK].map(String.init), ("[", "]"), level: 3)
      }
      layers.append("\"\(layer + denseLayers)\": " + list(rows, ("[", "]"), level: 2))
    }
    return list(layers, ("{", "}"), level: 1)
  }
  let entries =
    [entry(0..<request.prefill)] + (request.prefill..<tokens).map { entry($0..<$0 + 1) }
  return Array(list(entries, ("[", "]"), level: 0).utf8)
}

/// A request as the GPT-OSS fingerprinting data set writes it, gate weights of 1 / (slot + 2).
func fingerprint(_ request: RequestTrace, _ shape: TraceShape) -> [UInt8] {
  let weights = (0..<shape.topK).map { String(1 / Double($0 + 2)) }.joined(separator: ", ")
  let tokens = (0..<request.ids.count / shape.idsPerToken).map { token in
    let layers = (0..<shape.layers).map { layer in
      let at = (token * shape.layers + layer) * shape.topK
      let ids = request.ids[at..<at + shape.topK].map(String.init).joined(separator: ", ")
      return "\"layer_\(layer)\": {\"selected_experts\": [\(ids)], "
        + "\"selected_probs\": [\(weights)]}"
    }
    return "{\"token_\(token)\": {" + layers.joined(separator: ", ") + "}}"
  }
  return Array(
    ("{\"row_index\": 1, \"dataset\": \"bench\", \"category\": \"\", \"router_data\": ["
      + tokens.joined(separator: ", ") + "]}").utf8)
}

/// `[tokens, all layers, k]` of uint8 as vLLM saves it, zeros in dense layers.
func array(_ request: RequestTrace, _ shape: TraceShape) -> [UInt8] {
  let tokens = request.ids.count / shape.idsPerToken
  let dense = denseLayers * shape.topK
  var bytes: [UInt8] = []
  for token in 0..<tokens {
    bytes += [UInt8](repeating: 0, count: dense)
    let at = token * shape.idsPerToken
    bytes += request.ids[at..<at + shape.idsPerToken].map { UInt8(truncatingIfNeeded: $0) }
  }
  return npy(.unsigned(bytes: 1), [tokens, denseLayers + shape.layers, shape.topK], bytes)
}

/// The same array as the one member of an uncompressed zip file (`numpy.savez`).
func archive(_ request: RequestTrace, _ shape: TraceShape) throws -> [UInt8] {
  try ZipWriter.archive([("routed_experts.npy", array(request, shape))])
}

/// The same with half-precision gate weights of 1 / (slot + 2) and the numbers of the tokens.
func fullArchive(_ request: RequestTrace, _ shape: TraceShape) throws -> [UInt8] {
  let tokens = request.ids.count / shape.idsPerToken
  let layers = denseLayers + shape.layers
  let gates = (0..<shape.topK).flatMap { little(Int((1 / Float16($0 + 2)).bitPattern), 2) }
  let weights = Array(repeatElement(gates, count: tokens * layers).joined())
  func numbers(_ count: Int) -> [UInt8] {
    npy(.signed(bytes: 4), [count], (0..<count).flatMap { little($0, 4) })
  }
  return try ZipWriter.archive([
    ("routed_experts.npy", array(request, shape)),
    ("routing_weights.npy", npy(.float(bytes: 2), [tokens, layers, shape.topK], weights)),
    ("prompt_token_ids.npy", numbers(request.prefill)),
    ("output_token_ids.npy", numbers(tokens - request.prefill)),
  ])
}

/// Bytes before the content of the first member of a zip file.
func zipHeader(_ name: String) -> Int { 30 + name.utf8.count }

/// `bytes` as a NumPy array in C order.
private func npy(_ element: NPYArray.Element, _ shape: [Int], _ bytes: [UInt8]) -> [UInt8] {
  bytes.withUnsafeBytes { NPYArray.file(element, shape: shape, elements: $0) }
}

private func little(_ value: Int, _ bytes: Int) -> [UInt8] {
  (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}
