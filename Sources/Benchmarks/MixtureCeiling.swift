import CCeilings
import Forecast
import Prequential
import RoutingTrace

/// `mixture-fast` beside the same sums in C, to the bit, on the same chunks of the stream.
func mixtureCeiling(_ trace: SyntheticTrace, _ rounds: Rounds) throws -> ResultRow {
  let name = "mixture-fast"
  var learner = try Learner(shape: trace.shape, predictors: [name])
  let ceiling = MixtureCeiling(trace.shape)
  var live = LiveRequests()
  let blocks = trace.chunks.map { live.resolve($0.block) }
  // A few chunks fill the tables; then every round takes the next chunk of the stream.
  let warm = 4
  for chunk in trace.chunks.prefix(warm) { try learner.consume(chunk) }
  for block in blocks.prefix(warm) { ceiling.run(block) }
  var (ours, theirs) = (warm, warm)
  let row = try rounds.row(
    "\(name), \(trace.name)", "M events/s", work: Double(trace.chunks[0].block.events) / 1e6,
    against: "C, the same sums to the bit"
  ) {
    try learner.consume(trace.chunks[ours % trace.chunks.count])
    ours += 1
  } ceilingBody: {
    ceiling.run(blocks[theirs % blocks.count])
    theirs += 1
  }
  try ceiling.compare(learner)
  return row
}

/// The tables of `mixture-fast` for the kernel in C, layer after layer in every column.
private final class MixtureCeiling {
  private var layers: [ceiling_mixture] = []
  private var counts: [String: UnsafeMutableBufferPointer<UInt32>] = [:]
  private var floats: [String: UnsafeMutableBufferPointer<Float>] = [:]
  private let ranks: UnsafeMutableBufferPointer<UInt64>

  init(_ shape: TraceShape) {
    let (layers, experts) = (shape.layers, shape.experts)
    // Seven groups of earlier choices, 64 buckets of tasks and the bias.
    let linearRows = 7 * experts + 65
    ranks = .allocate(capacity: layers * experts)
    ranks.initialize(repeating: 0)
    let countSizes = [
      "frequency": experts, "rows_layer": experts * experts, "rows_token": experts * experts,
      "row_totals_layer": experts, "row_totals_token": experts, "linear_visits": linearRows,
    ]
    for (name, size) in countSizes {
      let column = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: layers * size)
      column.initialize(repeating: 0)
      counts[name] = column
    }
    for (name, size) in ["recent_counts": experts, "linear": linearRows * experts] {
      let column = UnsafeMutableBufferPointer<Float>.allocate(capacity: layers * size)
      column.initialize(repeating: 0)
      floats[name] = column
    }
    let weight: Float = 1.2 / 3
    for layer in 0..<layers {
      func count(_ name: String) -> UnsafeMutablePointer<UInt32>? {
        counts[name]?.baseAddress.map { $0 + layer * (countSizes[name] ?? 0) }
      }
      self.layers.append(
        ceiling_mixture(
          experts: Int32(experts), top_k: Int32(shape.topK), layers: Int32(layers),
          layer: Int32(layer), linear_rows: Int32(linearRows), frequency_total: 0,
          frequency: count("frequency"), rows: (count("rows_layer"), count("rows_token")),
          totals: (count("row_totals_layer"), count("row_totals_token")),
          visits: count("linear_visits"), weights: (weight, weight, weight),
          power: (0.001, 0.001, 0.001),
          recent: floats["recent_counts"]?.baseAddress.map { $0 + layer * experts },
          linear: floats["linear"]?.baseAddress.map { $0 + layer * linearRows * experts },
          ranks: ranks.baseAddress.map { $0 + layer * experts }, loss_steps: 0))
    }
  }

  deinit {
    for column in counts.values { column.deallocate() }
    for column in floats.values { column.deallocate() }
    ranks.deallocate()
  }

  func run(_ block: EventBlock) {
    block.ids.withUnsafeBufferPointer { ids in
      block.previous.withUnsafeBufferPointer { previous in
        for layer in layers.indices {
          ceiling_mixture_run(
            &layers[layer], ids.baseAddress, previous.baseAddress, block.rows, block.tokens)
        }
      }
    }
  }

  /// Throws where a count, a weight, a rank or the log loss differs from the learner's by a bit.
  func compare(_ learner: Learner) throws {
    var columns = MixtureColumns()
    var mixture = learner.mixtures[0]
    mixture.code(with: &columns)
    let score = learner.score(of: 0, stages: Stage.allCases)
    let experts = learner.shape.experts
    let allRanks = (0..<experts).map { rank in
      layers.indices.reduce(0) { $0 + ranks[$1 * experts + rank] }
    }
    guard score.lossSteps == layers.reduce(0, { $0 + $1.loss_steps }), score.ranks == allRanks
    else { throw BenchmarkError.differs("our mixture's scores and those in C") }
    let weights = layers.flatMap { [$0.weights.0, $0.weights.1, $0.weights.2] }
    guard columns.floats["weights"] == weights,
      counts.allSatisfy({ columns.counts[$0.key]?.elementsEqual($0.value) ?? false }),
      floats.allSatisfy({ columns.floats[$0.key]?.elementsEqual($0.value) ?? false })
    else { throw BenchmarkError.differs("our mixture and that in C") }
  }
}

/// A mixture's columns by name.
private struct MixtureColumns: MixtureCoder {
  typealias Failure = Never

  var counts: [String: [UInt32]] = [:]
  var floats: [String: [Float]] = [:]

  mutating func code(_ name: String, _ values: inout [UInt64], isOpen: Bool, note: String) {}
  mutating func code(_ name: String, _ values: inout [Int32], isOpen: Bool, note: String) {}

  mutating func code(_ name: String, _ values: inout [UInt32], isOpen: Bool, note: String) {
    counts[name] = values
  }

  mutating func code(_ name: String, _ values: inout [Float], isOpen: Bool, note: String) {
    floats[name] = values
  }
}
