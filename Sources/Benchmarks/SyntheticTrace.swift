import LZ4Frame
import RoutingTrace

/// A trace made from a seed: experts are skewed as in real routers, an event's choice depends on
/// the layer before and on the request's token before, and tokens of the same word often choose the
/// same.
struct SyntheticTrace {
  /// Tokens a request.
  static let requestTokens = 256

  let name: String
  let shape: TraceShape
  /// The container's bytes.
  let bytes: [UInt8]
  let chunks: [TraceChunk]

  var tokens: Int { chunks.reduce(0) { $0 + $1.block.tokens } }
  var events: Int { tokens * shape.layers }

  /// The shapes measured: DeepSeek-V3, Llama-4, GPT-OSS-20B and DeepSeek-V2-Lite.
  static func all() throws -> [SyntheticTrace] {
    [
      try SyntheticTrace("8 of 256, 58 layers", layers: 58, experts: 256, topK: 8, chunks: 8),
      try SyntheticTrace("1 of 128, 24 layers", layers: 24, experts: 128, topK: 1, chunks: 12),
      try SyntheticTrace("4 of 32, 24 layers", layers: 24, experts: 32, topK: 4, chunks: 12),
      try SyntheticTrace("6 of 64, 26 layers", layers: 26, experts: 64, topK: 6, chunks: 12),
    ]
  }

  init(
    _ name: String, layers: Int, experts: Int, topK: Int, chunks: Int, chunkTokens: Int = 4096
  ) throws {
    self.name = name
    shape = try TraceShape(
      model: name, modelLayers: Array(0..<layers), experts: experts, topK: topK)
    var router = SyntheticRouter(shape: shape, seed: 2026)
    var writer = try TraceWriter(
      MemorySink(), header: TraceHeader(shape: shape), chunkTokens: chunkTokens)
    for _ in 0..<chunks * chunkTokens / Self.requestTokens {
      try writer.append(
        RequestTrace(
          name: "", task: "", prefill: 64, ids: router.request(tokens: Self.requestTokens)))
    }
    try writer.finish()
    bytes = writer.sink.bytes
    var reader = try TraceReader(MemorySource(bytes), name: name)
    var read: [TraceChunk] = []
    while let chunk = try reader.next() { read.append(chunk) }
    self.chunks = read
  }
}

/// Draws requests.
private struct SyntheticRouter {
  private let shape: TraceShape
  private var random: SeededGenerator
  /// Experts of every layer by popularity, and the cumulated shares of the places.
  private let order: [[UInt16]]
  private let cumulated: [Double]
  /// The choice of every word when it was met last; words are drawn with falling shares.
  private var words: [[UInt16]] = Array(repeating: [], count: 2000)
  /// Four successors of every expert of every layer.
  private let successors: [UInt16]

  init(shape: TraceShape, seed: UInt64) {
    self.shape = shape
    random = SeededGenerator(seed: seed)
    var sum = 0.0
    cumulated = (0..<shape.experts).map { place in
      // Shares fall as 1 / (place + 8): the best expert of 256 gets about 3 %.
      sum += 1 / Double(place + 8)
      return sum
    }
    var generator = SeededGenerator(seed: seed)
    order = (0..<shape.layers).map { _ in
      (0..<UInt16(shape.experts)).shuffled(using: &generator)
    }
    successors = (0..<shape.layers * shape.experts * 4).map { _ in
      UInt16.random(in: 0..<UInt16(shape.experts), using: &generator)
    }
  }

  mutating func request(tokens: Int) -> [UInt16] {
    let (layers, topK) = (shape.layers, shape.topK)
    var ids = [UInt16](repeating: 0, count: tokens * layers * topK)
    for token in 0..<tokens {
      let word = Int(draw() * draw() * draw() * Double(words.count))
      defer { words[word] = Array(ids[token * layers * topK..<(token + 1) * layers * topK]) }
      for layer in 0..<layers {
        let at = (token * layers + layer) * topK
        if !words[word].isEmpty, draw() < 0.6 {
          ids.replaceSubrange(
            at..<at + topK, with: words[word][layer * topK..<(layer + 1) * topK])
          continue
        }
        var slot = 0
        while slot < topK {
          let dice = draw()
          let id: UInt16
          if dice < 0.5, layer > 0 {
            let earlier = ids[at - topK + slot]
            id =
              successors[
                (layer * shape.experts + Int(earlier)) * 4 + Int(draw() * draw() * 4)]
          } else if dice < 0.7, token > 0 {
            id = ids[at - layers * topK + slot]
          } else {
            id = order[layer][place()]
          }
          if !ids[at..<at + slot].contains(id) {
            ids[at + slot] = id
            slot += 1
          }
        }
      }
    }
    return ids
  }

  /// A place by its share.
  private mutating func place() -> Int {
    let wanted = draw() * (cumulated.last ?? 0)
    var (low, high) = (0, cumulated.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if cumulated[middle] < wanted { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private mutating func draw() -> Double { random.nextUnit() }
}
