import Counting
import Forecast
import ModelFile
import Prequential
import RoutingTrace
import TestSupport
import Testing

/// A predictor that is no part of moecast is learnt, measured, merged, written and read as any
/// other.
@Suite struct PredictorFromOutsideTests {
  /// How often each expert was chosen, in a table of its own.
  struct OwnFrequency: EventPredictor {
    var counts: [UInt32]

    init(shape: TraceShape, layer: Int) {
      counts = [UInt32](repeating: 0, count: shape.experts)
    }

    func forecast(_ event: Event, into probabilities: UnsafeMutableBufferPointer<Double>) {
      let total = counts.reduce(0) { $0 + Double($1) } + Double(counts.count)
      for (expert, count) in counts.enumerated() {
        probabilities[expert] = (Double(count) + 1) / total
      }
    }

    mutating func learn(_ event: Event) {
      for slot in 0..<event.chosen.count { counts[event.chosen[slot]] += 1 }
    }

    static let columns = [EventColumn<OwnFrequency>("counts", \.counts, note: "times chosen")]
  }

  /// Nothing is known.
  struct Uniform: CountingPredictor {
    let name = "uniform"
    let tables: CountTables = []

    func forecast(
      _ event: Event, counts: CountsView, prior: UnsafeMutableBufferPointer<Double>,
      into probabilities: UnsafeMutableBufferPointer<Double>
    ) { probabilities.update(repeating: 1 / Double(counts.experts)) }
  }

  static let catalog = PredictorCatalog.standard.adding(.counting(Uniform()))
    .adding(.one(.counting(events: OwnFrequency.self, named: "own-tables")))

  static func learner(seed: UInt64) throws -> Learner {
    let shape = try TraceShape(modelLayers: [0, 3], experts: 8, topK: 2)
    var random = SplitMix64(seed: seed)
    let requests = (0..<6).map { _ in
      RequestTrace.random(shape: shape, prefill: 2, decode: 8, using: &random)
    }
    var learner = try Learner(
      shape: shape, predictors: ["frequency", "own-tables", "uniform", "mixture-fast"],
      catalog: catalog)
    for chunk in try chunks(of: requests, shape: shape, chunkTokens: 20) {
      try learner.consume(chunk)
    }
    return learner
  }

  @Test func itIsMeasured() throws {
    let learner = try Self.learner(seed: 1)
    let all = Stage.allCases
    // Every expert alike: log2 of 8 bits an event, and ranks by id.
    #expect(learner.score(of: 2, stages: all).logLossBits == 3)
    // Counts of its own with 1 for 1/2: as good as `frequency`, near enough.
    let (own, frequency) = (
      try #require(learner.score(of: 1, stages: all).logLossBits),
      try #require(learner.score(of: 0, stages: all).logLossBits)
    )
    #expect(own != frequency && abs(own - frequency) < 0.1)
  }

  @Test func itIsWrittenReadAndMerged() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/model.h5"
    let learner = try Self.learner(seed: 1)
    try Checkpoint.write(learner, to: path)
    let read = try Checkpoint.read(path, catalog: Self.catalog).learner
    let isTheSame = read == learner
    #expect(isTheSame)
    // Who does not know it says so, and reads nothing.
    let error = #expect(throws: ModelError.self) { try Checkpoint.read(path) }
    #expect(error?.problem.contains("own-tables") == true)

    let merge = try Merge.learner(of: [read, try Self.learner(seed: 2)])
    let counts = { (learner: Learner) in learner.layers[0].counts.frequency }
    let sum = zip(counts(learner), counts(try Self.learner(seed: 2))).map(&+)
    #expect(counts(merge) == sum)
    let mergedPath = folder.path + "/merged.h5"
    try Checkpoint.write(merge, to: mergedPath)
    let merged = try Checkpoint.read(mergedPath, catalog: Self.catalog).learner
    let model = try #require(merged.models[0].model as? EventModel<OwnFrequency>)
    let one = try #require(learner.models[0].model as? EventModel<OwnFrequency>)
    let hasGrown = model != one && model.hasRoom(for: 1000)
    #expect(hasGrown)
  }
}
