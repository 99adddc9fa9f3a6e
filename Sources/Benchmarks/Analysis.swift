import CReferenceKernels
import Counting
import Forecast
import Insight
import LZ4Frame
import RoutingTrace

/// `analyze`: counting from LZ4, beside C that counts the same, and reading the observations from
/// the counts.
func analysis(_ trace: SyntheticTrace, _ rounds: Rounds) throws -> [ResultRow] {
  let ceiling = ObservedTables(trace)
  let blocks = LZ4Blocks(trace.chunks)
  var analysis = TraceAnalysis(shape: trace.shape)
  let counting = try rounds.row(
    "analyze, counting from LZ4, \(trace.name)", "M events/s", work: Double(trace.events) / 1e6,
    against: "C, lz4 + the same counts"
  ) {
    analysis = TraceAnalysis(shape: trace.shape)
    var reader = try TraceReader(MemorySource(trace.bytes), name: trace.name)
    while let chunk = try reader.next() { try analysis.consume(chunk.block) }
  } ceilingBody: {
    blocks.decode()
    ceiling.count()
  }
  try ceiling.compare(analysis.layers)
  let reading = try rounds.medians([{ _ = analysis.observations() }])
  return [
    counting,
    ResultRow(
      what: "analyze, the observations, \(trace.name)", unit: "ms", ours: reading[0] * 1e3,
      isTime: true),
  ]
}

/// What `analyze` counts, in C.
private final class ObservedTables {
  private let experts: Int
  private let topK: Int
  private let chunks: [EventBlock]
  private var layers: [ceiling_observed]
  /// Two stages of c, C and D, and the pairs chosen together: E + 2 E E, twice, and E E, a layer.
  private let cells: UnsafeMutableBufferPointer<UInt32>
  private let sums: UnsafeMutableBufferPointer<UInt64>

  init(_ trace: SyntheticTrace) {
    let (experts, count) = (trace.shape.experts, trace.shape.layers)
    var live = RequestBook()
    self.experts = experts
    topK = trace.shape.topK
    chunks = trace.chunks.map { live.resolve($0.block) }
    let stage = experts + 2 * experts * experts
    let own = 2 * stage + experts * experts
    let cells = UnsafeMutableRawBufferPointer.allocate(
      byteCount: count * own * MemoryLayout<UInt32>.stride, alignment: 64
    ).bindMemory(to: UInt32.self)
    let sums = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: count * 2 * (1 + 2 * experts))
    (self.cells, self.sums) = (cells, sums)
    let topK = topK
    layers = (0..<count).map { layer in
      func table(_ at: Int) -> UnsafeMutablePointer<UInt32>? {
        cells.baseAddress.map { $0 + layer * own + at }
      }
      func rows(_ stage: Int) -> UnsafeMutablePointer<UInt64>? {
        sums.baseAddress.map { $0 + (2 * layer + stage) * (1 + 2 * experts) }
      }
      return ceiling_observed(
        experts: Int32(experts), top_k: Int32(topK),
        frequency: (table(0), table(stage)),
        layer_pairs: (table(experts), table(stage + experts)),
        token_pairs: (
          table(experts + experts * experts), table(stage + experts + experts * experts)
        ), together: table(2 * stage), sums: (rows(0), rows(1)))
    }
  }

  deinit {
    cells.deallocate()
    sums.deallocate()
  }

  /// Counts the whole trace from empty tables, layer by layer in every chunk.
  func count() {
    cells.initialize(repeating: 0)
    sums.initialize(repeating: 0)
    for chunk in chunks {
      let stride = chunk.rows * topK
      chunk.ids.withUnsafeBufferPointer { ids in
        for layer in layers.indices {
          let own = ids.baseAddress.map { $0 + layer * stride }
          let earlier = layer > 0 ? ids.baseAddress.map { $0 + (layer - 1) * stride } : nil
          ceiling_observe(
            &layers[layer], own, earlier, chunk.previous, chunk.stages, chunk.tokens)
        }
      }
    }
  }

  /// Throws where the tables differ from ours.
  func compare(_ tallies: [LayerTally]) throws {
    for (layer, tally) in zip(layers, tallies) {
      let stages = [
        (layer.frequency.0, layer.layer_pairs.0, layer.token_pairs.0),
        (layer.frequency.1, layer.layer_pairs.1, layer.token_pairs.1),
      ]
      for (ours, (frequency, layerPairs, tokenPairs)) in zip(tally.stages, stages) {
        guard Self.equal(ours.frequency, frequency), Self.equal(ours.layerPairs, layerPairs),
          Self.equal(ours.tokenPairs, tokenPairs)
        else { throw BenchmarkError.differs("our tables and those in C") }
      }
      let together = UnsafeBufferPointer(start: layer.together, count: experts * experts)
      let pairs = (0..<experts).flatMap { second in
        (0..<second).map {
          together[$0 * experts + second] + together[second * experts + $0]
        }
      }
      guard pairs == tally.pairs.counts else {
        throw BenchmarkError.differs("our pairs and those in C")
      }
    }
  }

  private static func equal(_ ours: [UInt32]?, _ table: UnsafeMutablePointer<UInt32>?) -> Bool {
    guard let ours else { return false }
    return ours.elementsEqual(UnsafeBufferPointer(start: table, count: ours.count))
  }
}
