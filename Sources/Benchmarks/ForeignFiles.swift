import CZlib
import RoutingTrace

/// A request as the data set writes it: the prompt's layers, then an entry a decoded token. Three
/// dense layers stand before those that route, as in DeepSeek-V3.
func selectionTrace(_ request: RequestTrace, _ shape: TraceShape) -> [UInt8] {
  let dense = 3
  let tokens = request.ids.count / shape.idsPerToken
  func entry(_ range: Range<Int>) -> String {
    var layers = (0..<dense).map { "\"\($0)\": null" }
    for layer in 0..<shape.layers {
      let rows = range.map { token in
        let at = (token * shape.layers + layer) * shape.topK
        return "[" + request.ids[at..<at + shape.topK].map(String.init).joined(separator: ", ")
          + "]"
      }
      layers.append("\"\(layer + dense)\": [" + rows.joined(separator: ", ") + "]")
    }
    return "{" + layers.joined(separator: ", ") + "}"
  }
  let entries =
    [entry(0..<request.prefill)] + (request.prefill..<tokens).map { entry($0..<$0 + 1) }
  return Array(("[" + entries.joined(separator: ", ") + "]").utf8)
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

/// `[tokens, all layers, k]` of uint8 as vLLM saves it: three dense layers of zeros stand first.
func array(_ request: RequestTrace, _ shape: TraceShape) -> [UInt8] {
  let dense = 3
  let tokens = request.ids.count / shape.idsPerToken
  let header =
    "{'descr': '|u1', 'fortran_order': False, 'shape': "
    + "(\(tokens), \(dense + shape.layers), \(shape.topK)), }"
  let room = 117
  var bytes = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(room + 1), 0]
  bytes += Array(header.utf8) + [UInt8](repeating: 32, count: room - header.utf8.count) + [10]
  for token in 0..<tokens {
    bytes += [UInt8](repeating: 0, count: dense * shape.topK)
    let at = token * shape.idsPerToken
    bytes += request.ids[at..<at + shape.idsPerToken].map { UInt8(truncatingIfNeeded: $0) }
  }
  return bytes
}

/// The same array as the one member of an uncompressed zip file (`numpy.savez`).
func archive(_ request: RequestTrace, _ shape: TraceShape) -> [UInt8] {
  let content = array(request, shape)
  let name = Array("routed_experts.npy".utf8)
  let checksum = content.withUnsafeBufferPointer {
    UInt32(truncatingIfNeeded: crc32(0, $0.baseAddress, UInt32(content.count)))
  }
  func number(_ value: Int, _ bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
  let facts =
    number(20, 2) + number(0, 2) + number(0, 2) + number(0, 2) + number(0x21, 2)
    + number(Int(checksum), 4) + number(content.count, 4) + number(content.count, 4)
    + number(name.count, 2) + number(0, 2)
  let local = [0x50, 0x4B, 3, 4] + facts + name + content
  let directory =
    [0x50, 0x4B, 1, 2] + number(20, 2) + facts + number(0, 2) + number(0, 2) + number(0, 2)
    + number(0, 4) + number(0, 4) + name
  return local + directory + [0x50, 0x4B, 5, 6] + number(0, 4) + number(1, 2) + number(1, 2)
    + number(directory.count, 4) + number(local.count, 4) + number(0, 2)
}
