import CReferenceKernels
import Counting
import Forecast
import LZ4Frame
import Prequential
import RoutingTrace

/// Counting alone: `c` and `C` of every layer, from chunks in memory.
func update(_ trace: SyntheticTrace, _ rounds: Rounds) throws -> ResultRow {
  var live = RequestBook()
  let blocks = trace.chunks.map { live.resolve($0.block) }
  let ceiling = CeilingTables(trace)
  var counts: [LayerCounts] = []
  let empty = LayerCounts(experts: trace.shape.experts, tables: .layerPairs)
  let row = try rounds.row(
    "update only, \(trace.name)", "M events/s", work: Double(trace.events) / 1e6,
    against: "C, this processor"
  ) {
    counts = Array(repeating: empty, count: trace.shape.layers)
    for block in blocks {
      for layer in 0..<trace.shape.layers {
        block.withLayer(layer) { counts[layer].learn($0) }
      }
    }
  } ceilingBody: {
    ceiling.run(trace, ceiling_update)
  }
  try ceiling.compare(counts)
  return row
}

/// From LZ4 in a file in the page cache to ranks, log loss and counts, one thread.
func testThenTrain(_ trace: SyntheticTrace, _ rounds: Rounds) throws -> [ResultRow] {
  let ceiling = CeilingTables(trace)
  let exact = CeilingTables(trace)
  let sums = CeilingTables(trace)
  let blocks = LZ4Blocks(trace.chunks)
  let folder = try TemporaryFolder()
  defer { folder.remove() }
  try folder.write(trace.bytes, to: "trace")
  func learned(_ predictors: [String]) throws -> Learner {
    try learn(trace, from: TraceFile(folder.path + "/trace"), predictors, workers: 1)
  }
  var learner = try Learner(shape: trace.shape, predictors: ["layer-markov"])
  var all = learner
  let seconds = try rounds.medians([
    { learner = try learned(["layer-markov"]) },
    {
      blocks.decode()
      exact.run(trace, ceiling_test_train_exactly)
    },
    {
      blocks.decode()
      ceiling.run(trace, ceiling_test_train)
    },
    {
      blocks.decode()
      sums.run(trace, ceiling_test_train_sums)
    },
    { all = try learned(PredictorCatalog.counting) },
  ])
  try exact.compare(learner.layers.map(\.counts))
  try exact.compare(learner.layers.map { $0.metrics[0] })
  try ceiling.compare(learner.layers.map(\.counts))
  try sums.compare(all.layers.map(\.counts))
  let millions = Double(trace.events) / 1e6
  return [
    ResultRow(
      what: "test-then-train, \(trace.name)", unit: "M events/s", ours: millions / seconds[0],
      ceiling: millions / seconds[1], ceilingName: "C, lz4 + the same ranks and loss"),
    ResultRow(
      what: "the same", unit: "M events/s", ours: millions / seconds[0],
      ceiling: millions / seconds[2], ceilingName: "C, lz4 + float kernel, nearly exact"),
    ResultRow(
      what: "the same", unit: "M events/s", ours: millions / seconds[0],
      ceiling: millions / seconds[3], ceilingName: "C, lz4 + integer sums, no probabilities"),
    ResultRow(
      what: "all four predictors, \(trace.name)", unit: "M events/s", ours: millions / seconds[4]),
  ]
}

/// Two threads against one, decoding beside.
func cores(_ trace: SyntheticTrace, _ rounds: Rounds) throws -> ResultRow {
  var (two, one): (Learner?, Learner?)
  let row = try rounds.row(
    "two cores, \(trace.name)", "M events/s", work: Double(trace.events) / 1e6, against: "one core",
    by: .wall
  ) {
    two = try learn(trace, from: MemorySource(trace.bytes), ["layer-markov"], workers: 2)
  } ceilingBody: {
    one = try learn(trace, from: MemorySource(trace.bytes), ["layer-markov"], workers: 1)
  }
  guard two == one else { throw BenchmarkError.differs("two cores and one") }
  return row
}

/// Learns the trace from its container.
func learn(
  _ trace: SyntheticTrace, from source: some ByteSource, _ predictors: [String], workers: Int
) throws -> Learner {
  var learner = try Learner(shape: trace.shape, predictors: predictors)
  var reader = try TraceReader(source, name: trace.name)
  while let chunk = try reader.next() { try learner.consume(chunk, workers: workers) }
  return learner
}

/// Something that must be the same is not.
enum BenchmarkError: Error, CustomStringConvertible {
  case differs(String)
  case failed(String)

  var description: String {
    switch self {
    case .differs(let what): "\(what) do not come to the same"
    case .failed(let what): what
    }
  }
}

/// Tables for the kernels in C.
final class CeilingTables {
  private let experts: Int
  private var layers: [ceiling_layer]
  private let frequency: UnsafeMutableBufferPointer<UInt32>
  private let pairs: UnsafeMutableBufferPointer<UInt32>
  private let sums: UnsafeMutableBufferPointer<UInt64>
  private let ranks: UnsafeMutableBufferPointer<UInt64>

  init(_ trace: SyntheticTrace) {
    let experts = trace.shape.experts
    let count = trace.shape.layers
    self.experts = experts
    frequency = .allocate(capacity: count * experts)
    // At a cache line's start, as ours are.
    pairs = UnsafeMutableRawBufferPointer.allocate(
      byteCount: count * experts * experts * MemoryLayout<UInt32>.stride, alignment: 64
    ).bindMemory(to: UInt32.self)
    sums = .allocate(capacity: count * (experts + 1))
    ranks = .allocate(capacity: count * experts)
    layers = []
    for layer in 0..<count {
      layers.append(
        ceiling_layer(
          experts: Int32(experts), top_k: Int32(trace.shape.topK),
          frequency: frequency.baseAddress.map { $0 + layer * experts },
          pairs: pairs.baseAddress.map { $0 + layer * experts * experts },
          sums: sums.baseAddress.map { $0 + layer * (experts + 1) },
          ranks: ranks.baseAddress.map { $0 + layer * experts }, loss_bits: 0))
    }
  }

  deinit {
    frequency.deallocate()
    pairs.deallocate()
    sums.deallocate()
    ranks.deallocate()
  }

  typealias Kernel = (
    UnsafeMutablePointer<ceiling_layer>?, UnsafePointer<UInt16>?, UnsafePointer<UInt16>?, Int
  ) -> Void

  /// Runs `kernel` over the whole trace from empty tables, layer by layer in every chunk.
  func run(_ trace: SyntheticTrace, _ kernel: Kernel) {
    frequency.initialize(repeating: 0)
    pairs.initialize(repeating: 0)
    sums.initialize(repeating: 0)
    ranks.initialize(repeating: 0)
    for layer in layers.indices { layers[layer].loss_bits = 0 }
    for chunk in trace.chunks {
      let stride = chunk.block.tokens * trace.shape.topK
      chunk.block.ids.withUnsafeBufferPointer { ids in
        for layer in layers.indices {
          let own = ids.baseAddress.map { $0 + layer * stride }
          let earlier = layer > 0 ? ids.baseAddress.map { $0 + (layer - 1) * stride } : nil
          kernel(&layers[layer], own, earlier, chunk.block.tokens)
        }
      }
    }
  }

  /// Throws where the tables differ from ours.
  func compare(_ counts: [LayerCounts]) throws {
    for (layer, counts) in counts.enumerated() {
      let own = frequency[layer * experts..<(layer + 1) * experts]
      let cells = pairs[layer * experts * experts..<(layer + 1) * experts * experts]
      guard counts.frequency.elementsEqual(own), counts.layerPairs?.elementsEqual(cells) ?? false
      else { throw BenchmarkError.differs("our tables and those in C") }
    }
  }

  /// Throws where ranks differ from ours, or the loss by more than its rounding to steps.
  func compare(_ metrics: [LayerMetrics]) throws {
    for (layer, metrics) in metrics.enumerated() {
      let ours = metrics.score(of: Stage.allCases)
      let rounding = Double(ours.events) * 0.5
      let steps = layers[layer].loss_bits * LossSteps.perBit
      guard ours.ranks.elementsEqual(ranks[layer * experts..<(layer + 1) * experts]),
        abs(Double(ours.lossSteps) - steps) <= rounding
      else { throw BenchmarkError.differs("our ranks or loss and those in C") }
    }
  }
}
