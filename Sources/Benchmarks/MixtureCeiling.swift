import CReferenceKernels
import Counting
import Forecast
import Prequential
import RoutingTrace

/// A preset of the mixture, `mixture-fast` or `mixture`, beside the same sums in C, to the bit, on
/// the same chunks of the stream.
func mixtureCeiling(
  _ name: String, _ trace: SyntheticTrace, _ rounds: Rounds
) throws -> ResultRow {
  var learner = try Learner(shape: trace.shape, predictors: [name])
  let ceiling = try MixtureCeiling(learner.mixtures[0])
  var live = RequestBook()
  let blocks = trace.chunks.map { live.resolve($0.block) }
  // Four chunks fill the tables and the stored paths; then every round takes the next chunk of the
  // stream.
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

/// The tables of a mixture for the kernel in C, layer after layer in every column.
private final class MixtureCeiling {
  private var layers: [ceiling_mixture] = []
  private var counts: [String: UnsafeMutableBufferPointer<UInt32>] = [:]
  private var floats: [String: UnsafeMutableBufferPointer<Float>] = [:]
  private let ranks: UnsafeMutableBufferPointer<UInt64>
  /// The stored paths, where the preset has any.
  private let paths: UnsafeMutablePointer<ceiling_paths>?

  /// Begins where `mixture`, which has learnt nothing, does.
  init(_ mixture: Mixture) throws {
    let shape = mixture.shape
    let searches = mixture.options.parts.contains(.nearPaths)
    paths = searches ? ceiling_paths_make(Int32(shape.layers), Int32(shape.experts)) : nil
    guard searches == (paths != nil) else { throw BenchmarkError.failed("no memory for paths") }
    let columns = MixtureColumns(mixture, places: 0)
    for (name, values) in columns.counts {
      counts[name] = .allocate(capacity: values.count)
      _ = counts[name]?.initialize(from: values)
    }
    for (name, values) in columns.floats {
      floats[name] = .allocate(capacity: values.count)
      _ = floats[name]?.initialize(from: values)
    }
    // A request's counts have no room before there is one.
    let recent = UnsafeMutableBufferPointer<Float>.allocate(capacity: shape.layers * shape.experts)
    recent.initialize(repeating: 0)
    floats["recent_counts"] = recent
    ranks = .allocate(capacity: shape.layers * shape.experts)
    ranks.initialize(repeating: 0)
    for layer in 0..<shape.layers {
      func column<Value>(_ all: UnsafeMutableBufferPointer<Value>?) -> UnsafeMutablePointer<Value>?
      {
        all.flatMap { all in all.baseAddress.map { $0 + layer * (all.count / shape.layers) } }
      }
      layers.append(
        ceiling_mixture(
          experts: Int32(shape.experts), top_k: Int32(shape.topK), layers: Int32(shape.layers),
          layer: Int32(layer),
          linear_rows: Int32((counts["linear_visits"]?.count ?? 0) / shape.layers),
          frequency_total: 0, frequency: column(counts["frequency"]),
          rows: column(counts["rows_layer"]), totals: column(counts["row_totals_layer"]),
          visits: column(counts["linear_visits"]),
          weights: column(floats["weights"]), power: column(floats["power"]),
          recent: column(recent), linear: column(floats["linear"]), ranks: column(ranks),
          loss_steps: 0))
    }
  }

  deinit {
    for column in counts.values { column.deallocate() }
    for column in floats.values { column.deallocate() }
    ranks.deallocate()
    ceiling_paths_free(paths)
  }

  func run(_ block: EventBlock) {
    // Paths are searched a step ahead of the layers; without them a layer runs through the block.
    let step = paths == nil ? block.tokens : CEILING_STEP
    block.ids.withUnsafeBufferPointer { ids in
      block.previous.withUnsafeBufferPointer { previous in
        for first in stride(from: 0, to: block.tokens, by: step) {
          let tokens = min(step, block.tokens - first)
          if let paths {
            ceiling_paths_search(
              paths, ids.baseAddress, Int32(block.shape.topK), previous.baseAddress, block.rows,
              first, tokens)
          }
          for layer in layers.indices {
            ceiling_mixture_run(
              &layers[layer], paths, ids.baseAddress, previous.baseAddress, block.rows, first,
              tokens)
          }
        }
      }
    }
  }

  /// Throws where a count, a weight, a rank, the log loss or a stored path differs from the
  /// learner's by a bit.
  func compare(_ learner: Learner) throws {
    let score = learner.score(of: 0, stages: Stage.allCases)
    let experts = learner.shape.experts
    let allRanks = (0..<experts).map { rank in
      layers.indices.reduce(0) { $0 + ranks[$1 * experts + rank] }
    }
    guard score.lossSteps == layers.reduce(0, { $0 + $1.loss_steps }), score.ranks == allRanks
    else { throw BenchmarkError.differs("our mixture's scores and those in C") }
    let columns = MixtureColumns(learner.mixtures[0], places: learner.requests.places)
    let sameCounts = columns.counts.allSatisfy { name, values in
      name == "frequency_totals"
        ? values == layers.map(\.frequency_total)
        : counts[name].map { values.elementsEqual($0) } ?? false
    }
    let sameFloats = columns.floats.allSatisfy { name, values in
      floats[name].map { values.elementsEqual($0) { $0.bitPattern == $1.bitPattern } } ?? false
    }
    guard sameCounts, sameFloats, samePaths(columns) else {
      throw BenchmarkError.differs("our mixture and that in C")
    }
  }

  /// Whether the stored paths and what the last request left behind are those of `columns`.
  private func samePaths(_ columns: MixtureColumns) -> Bool {
    guard let own = paths?.pointee else { return columns.integers.isEmpty }
    let filled = min(own.written, own.capacity)
    func same<Value: Equatable>(
      _ values: [Value]?, _ first: UnsafeMutablePointer<Value>?, _ count: Int
    ) -> Bool {
      values?.elementsEqual(UnsafeBufferPointer(start: first, count: count)) ?? false
    }
    return columns.words["paths_written"] == [UInt64(own.written)]
      && same(columns.words["paths"], own.masks, filled * Int(own.layers))
      && same(columns.integers["successors"], own.successors, filled)
      && columns.integers["last_stored"] == [own.last_stored]
      && columns.integers["trail_counts"] == [own.trail_count]
      && same(columns.integers["trail_tokens"], own.trail_tokens, 256)
      && same(columns.integers["trail_scores"], own.trail_scores, 256 * CEILING_METRICS)
  }
}

/// A mixture's columns by name.
private struct MixtureColumns: StateCoder {
  static let isReader = false

  typealias Failure = Never

  /// The ceiling's linear part is one table.
  var takesColumnsWithoutAxes: Bool { true }

  var counts: [String: [UInt32]] = [:]
  var floats: [String: [Float]] = [:]
  /// Of stored paths.
  var words: [String: [UInt64]] = [:]
  var integers: [String: [Int32]] = [:]

  /// - Parameter places: places of the requests that the mixture learnt from.
  init(_ mixture: Mixture, places: Int) {
    var mixture = mixture
    mixture.code(with: &self, places: places)
  }

  mutating func code(_ name: String, _ values: inout [UInt64], note: String) {
    words[name] = values
  }

  mutating func code(_ name: String, _ values: inout [Int32], note: String) {
    integers[name] = values
  }

  mutating func code(_ name: String, _ values: inout [UInt32], note: String) {
    counts[name] = values
  }

  mutating func code(_ name: String, _ values: inout [Float], note: String) {
    floats[name] = values
  }
}
