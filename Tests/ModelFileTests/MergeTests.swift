import Counting
import Forecast
import ModelFile
import Prequential
import RoutingTrace
import TestSupport
import Testing

@Suite struct MergeTests {
  let shards: [Learner]

  init() throws {
    shards = try (1...5).map { try Samples.learner(seed: UInt64($0)) }
  }

  func merged(_ learners: [Learner]) throws -> Learner { try Merge.learner(of: learners) }

  @Test func anyOrderAndGroupingGivesTheSameBytes() throws {
    let expected = try Checkpoint.bytes(of: merged(shards))
    #expect(try Checkpoint.bytes(of: merged(shards.reversed())) == expected)
    let left = try merged([merged([shards[3], shards[0]]), shards[4]])
    let right = try merged([shards[2], merged([shards[1]])])
    #expect(try Checkpoint.bytes(of: merged([left, right])) == expected)
    #expect(try Checkpoint.bytes(of: merged([right, left])) == expected)
  }

  static let mixtures = ["mixture", "mixture-fast:halving-16", "mixture-all"]

  static func mixtureShards(_ seeds: ClosedRange<Int>) throws -> [Learner] {
    let shape = try Samples.shape()
    return try seeds.map {
      // Of different sizes, so that shares differ.
      try Samples.learner(
        Samples.chunks(1 + $0 % 3, seed: UInt64($0), shape: shape), shape: shape,
        predictors: mixtures)
    }
  }

  /// From 2 to 16 shards: the order in which they are named changes no byte, files or learners, and
  /// the merge reads back as what was written.
  @Test(arguments: [2, 3, 5, 16])
  func theOrderOfShardsOfMixturesDoesNotMatter(count: Int) throws {
    let shards = try Self.mixtureShards(1...count)
    let folder = try TemporaryFolder()
    let paths = try shards.enumerated().map { index, shard in
      let path = folder.file("\(index).h5")
      try Checkpoint.write(shard, to: path)
      return path
    }
    let merge = try merged(shards)
    let expected = try Checkpoint.bytes(of: merge)
    var random = SplitMix64(seed: UInt64(count))
    for _ in 0..<3 {
      let order = shards.indices.shuffled(using: &random)
      #expect(try Checkpoint.bytes(of: merged(order.map { shards[$0] })) == expected)
      let files = try Merge.files(order.map { paths[$0] })
      #expect(try Checkpoint.bytes(of: files) == expected)
    }
    let isReadBack =
      try Checkpoint.learner(in: expected, name: "merge", limits: ModelLimits.hdf5) == merge
    #expect(isReadBack)
    #expect(merge.streams == count && merge.past.count == 1)
  }

  /// A shard that has learnt nothing changes nothing, and a merge of one shard is that shard before
  /// another stream.
  @Test func whatHasLearntNothingChangesNothing() throws {
    let shards = try Self.mixtureShards(1...3)
    let empty = try Samples.learner([], shape: shards[0].shape, predictors: Self.mixtures)
    let expected = try Checkpoint.bytes(of: merged(shards))
    for place in 0...3 {
      var more = shards
      more.insert(empty, at: place)
      #expect(try Checkpoint.bytes(of: merged(more)) == expected)
    }
    let one = try Checkpoint.bytes(of: merged([shards[1]]))
    #expect(try one == Checkpoint.bytes(of: shards[1].scoringAnew()))
    #expect(try one == Checkpoint.bytes(of: merged([empty, shards[1], empty])))
    let none = try merged([empty, empty])
    #expect(none.past.isEmpty && none.streams == 0)
    #expect(try Checkpoint.bytes(of: none) == Checkpoint.bytes(of: empty))
  }

  /// Counts of a merge of merges are those of all shards at once, whatever the grouping; its past
  /// says how many streams it stands for.
  @Test func aMergeOfMergesSaysWhatItIs() throws {
    let shards = try Self.mixtureShards(1...5)
    let all = try merged(shards)
    let merges = try merged([merged(Array(shards[..<2])), merged(Array(shards[2...]))])
    #expect(merges.past == all.past && merges.streams == 5)
    #expect(merges.layers == all.layers)
  }

  /// Integers are sums, and there are no figures: nobody has measured the merged model.
  @Test func countsAreTheSumsAndMetricsAreNone() throws {
    let sum = try merged(shards)
    for (index, layer) in sum.layers.enumerated() {
      let own = shards.map { $0.layers[index] }
      for cell in layer.counts.frequency.indices {
        #expect(layer.counts.frequency[cell] == own.reduce(0) { $0 + $1.counts.frequency[cell] })
      }
      #expect(layer.metrics.allSatisfy { $0 == LayerMetrics(experts: 12) })
    }
    #expect(sum.total(\.tokens) == shards.reduce(0) { $0 + $1.progress.tokens })
    #expect(sum.total(\.chunks) == 30)
    #expect(sum.digests == shards.flatMap(\.digests).sorted())
    #expect(sum.history == [] && sum.progress == StreamProgress())
  }

  /// Requests that do not span shards: whole streams and their parts count alike.
  @Test func shardsCountAsTheWholeStream() throws {
    let shape = try Samples.shape()
    let chunks = try Samples.chunks(4, shape: shape)
    let parts = try chunks.map { try Samples.learner([$0], shape: shape) }
    let sum = try merged(parts)
    let whole = try Samples.learner(chunks, shape: shape)
    for (one, other) in zip(sum.layers, whole.layers) {
      #expect(one.counts.frequency == other.counts.frequency)
      #expect(one.counts.layerPairs == other.counts.layerPairs)
    }
  }

  @Test func theSameShardTwiceIsNoticed() throws {
    #expect(throws: Merge.Problem.overlap(6)) { try merged([shards[0], shards[1], shards[0]]) }
    let pair = try merged([shards[0], shards[1]])
    #expect(throws: Merge.Problem.overlap(6)) { try merged([pair, shards[1]]) }
    #expect(throws: Merge.Problem.overlap(6)) { try merged([shards[1], pair]) }
    let shape = try Samples.shape()
    let beginning = try Samples.learner(Array(Samples.chunks(shape: shape)[..<2]), shape: shape)
    #expect(throws: Merge.Problem.overlap(2)) { try merged([shards[0], beginning]) }
    // Both went on from the same model.
    let one = shards[0].scoringAnew()
    var other = one
    try other.consume(try Samples.chunks(1, seed: 77, shape: shape)[0])
    #expect(throws: Merge.Problem.overlap(6)) { try merged([one, other]) }
  }

  @Test func differingModelsAreRefused() throws {
    let one = shards[0]
    let wide = try Samples.shape(experts: 13)
    let other = try Samples.learner(Samples.chunks(seed: 9, shape: wide), shape: wide)
    #expect(throws: Merge.Problem.self) { try merged([one, other]) }
    let fewer = try Samples.learner(
      Samples.chunks(seed: 9, shape: one.shape), shape: one.shape, predictors: ["frequency"])
    #expect(throws: Merge.Problem.self) { try merged([one, fewer]) }
    let named = try Samples.shape(model: "another")
    let renamed = try Samples.learner(Samples.chunks(seed: 9, shape: named), shape: named)
    #expect(throws: Merge.Problem.self) { try merged([one, renamed]) }
    #expect(
      throws: Merge.Problem.setting("list of recall@n", "1,3,6,12", "2")
    ) { try merged([one, Learner(shape: one.shape, predictors: one.predictors, recallAt: [2])]) }
  }

  @Test func aNamelessShardTakesTheName() throws {
    let nameless = try Samples.shape(model: "")
    let shard = try Samples.learner(Samples.chunks(seed: 9, shape: nameless), shape: nameless)
    #expect(try merged([shard, shards[0]]).shape.model == "sample")
    #expect(
      try Checkpoint.bytes(of: merged([shard, shards[0]]))
        == Checkpoint.bytes(of: merged([shards[0], shard])))
  }

  @Test func sumsStopShortOfOverflow() throws {
    func shard(tokens: UInt64, cell: UInt32, chunk: UInt32) throws -> Learner {
      var progress = StreamProgress()
      progress.chunks = 1
      progress.tokens = tokens
      progress.events = 3 * tokens
      progress.checksums = [chunk]
      let learner = shards[0]
      // Three experts, chosen and ranked first by every token.
      var three = [UInt32](repeating: 0, count: 12)
      for expert in 0..<3 { three[expert] = cell }
      var pairs = [UInt32](repeating: 0, count: 144)
      for given in 0..<3 { pairs.replaceSubrange(12 * given..<12 * given + 12, with: three) }
      let ranks = three.map { UInt64($0) } + [UInt64](repeating: 0, count: 12)
      let counts = LayerCounts(
        frequency: three, layerPairs: [UInt32](repeating: 0, count: 144), tokenPairs: pairs)
      let scored = LayerMetrics(events: [UInt64(cell), 0], ranks: ranks, lossSteps: [0, 0])
      let metrics = try #require(scored)
      let layer = LayerLearner(
        counts: try #require(counts), metrics: learner.predictors.map { _ in metrics })
      return Learner(
        shape: learner.shape, specs: learner.specs, recallAt: learner.recallAt,
        layers: Array(repeating: layer, count: 3), requests: learner.requests, progress: progress,
        history: [])
    }
    let limit = UInt64(LayerCounts.maximumTokens)
    let almost = try shard(tokens: limit - 5, cell: UInt32(limit - 5), chunk: 1)
    let full = try merged([almost, shard(tokens: 5, cell: 5, chunk: 2)])
    #expect(full.layers[2].counts.frequency.prefix(3).allSatisfy { $0 == UInt32(limit) })
    #expect(throws: Merge.Problem.full(limit + 1)) {
      try merged([almost, shard(tokens: 6, cell: 6, chunk: 3)])
    }
    let folder = try TemporaryFolder()
    let path = folder.file("full.h5")
    try Checkpoint.write(full, to: path)
    var back = try Checkpoint.read(path).learner
    #expect(back.layers == full.layers && back.past == full.past)
    let chunk = try Samples.chunks(1, shape: shards[0].shape)[0]
    #expect(throws: LearnerError.full("the number of tokens, \(limit) at most")) {
      try back.consume(chunk)
    }
  }
}
