import Forecast
import TestSupport
import Testing

@testable import Insight
@testable import Prequential
@testable import RoutingTrace
@testable import ShardSums

/// Figures of shards, added, are those of one pass over all of them.
@Suite struct MergedFiguresTests {
  let shape: TraceShape
  /// Chunks of three traces of whole requests.
  let shards: [[TraceChunk]]

  init() throws {
    let shape = try TraceShape(modelLayers: [0, 1, 2], experts: 10, topK: 3)
    var random = SplitMix64(seed: 3)
    self.shape = shape
    shards = try (0..<3).map { shard in
      let requests = (0..<6 + shard).map { number in
        RequestTrace.random(
          shape: shape, prefill: 4, decode: 9, empty: 0.1, task: ["a", "b", "c"][number % 3],
          using: &random)
      }
      return try chunks(of: requests, shape: shape, chunkTokens: 30)
    }
  }

  /// The same through a file.
  private func stored(_ sums: ShardSums) throws -> ShardSums { try ShardSums(bytes: sums.bytes()) }

  private func model() throws -> Learner {
    var learner = try Learner(shape: shape, predictors: ["layer-markov", "mixture-fast"])
    for chunk in shards[2] { try learner.consume(chunk) }
    return learner.scoringAnew(recallAt: [1, 5])
  }

  /// The chunks of all shards as one stream has them: requests of a later file are numbered on.
  private func stream() throws -> [TraceChunk] {
    var next: UInt64 = 0
    return try shards.flatMap { shard in
      let base = next
      return try shard.map { chunk in
        let runs = chunk.block.runs.map {
          TokenRun(
            request: $0.request + base, stage: $0.stage, firstToken: $0.firstToken,
            count: $0.count, endsRequest: $0.endsRequest)
        }
        let labels = chunk.block.labels.map {
          RequestLabel(request: $0.request + base, name: $0.name, task: $0.task)
        }
        next = max(next, (runs.map(\.request).max() ?? 0) + 1)
        let block = try TokenBlock(shape: shape, runs: runs, labels: labels, ids: chunk.block.ids)
        return TraceChunk(block: block, checksum: chunk.checksum, ordinal: chunk.ordinal)
      }
    }
  }

  @Test func scoresOfAFrozenModelAddUp() throws {
    let model = try model()
    var whole = model
    for chunk in try stream() { try whole.consume(chunk, learns: false) }
    let parts = try shards.map { shard in
      var learner = model
      for chunk in shard { try learner.consume(chunk, learns: false) }
      return try StreamScores(stored(StreamScores(learner).sums(of: .evaluate)))
    }
    var sum = parts[0]
    for part in parts.dropFirst() { try sum.add(part) }
    #expect(sum == StreamScores(whole))
    #expect(sum.score(of: 1, stages: Stage.allCases) == whole.score(of: 1, stages: Stage.allCases))
    // Whatever is added first.
    var rest = parts[1]
    try rest.add(parts[2])
    var other = parts[0]
    try other.add(rest)
    #expect(other == sum)
    // A shard twice, and one of another model, are refused and change nothing.
    let before = sum
    let again = #expect(throws: ShardSumsError.self) { try sum.add(parts[1]) }
    #expect(again?.problem.contains("a shard was given twice") == true)
    var learner = try Learner(
      shape: shape, predictors: ["layer-markov", "mixture-fast"], recallAt: [1, 5])
    try learner.consume(shards[0][0])
    let foreign = StreamScores(learner.scoringAnew())
    #expect(throws: ShardSumsError.self) { try sum.add(foreign) }
    #expect(sum == before)
  }

  private func comparison(_ chunks: [TraceChunk]) throws -> ComparedScores {
    var comparison = try Comparison(shape: shape, predictors: ["frequency", "mixture-fast"])
    for chunk in chunks { try comparison.consume(chunk) }
    return try ComparedScores(stored(comparison.scores.sums))
  }

  @Test func comparisonsKeepARequestAGroup() throws {
    let parts = try shards.map { try comparison($0) }
    var sum = parts[0]
    for part in parts.dropFirst() { try sum.add(part) }
    #expect(sum.requests == 21 && sum.groups.groups == 21)
    let rows = parts.flatMap { $0.groups.rows(of: 1, stages: Stage.allCases) }
    #expect(sum.groups.rows(of: 1, stages: Stage.allCases) == rows)
    let own = try #require(
      sum.estimates(of: 1, stages: Stage.allCases, resamples: 100, seed: 2))
    let drawn = Bootstrap.ratios(rows, hits: 4, resamples: 100, seed: 2)
    #expect(own.recall + [own.logLossBits] == drawn)
    var rest = parts[1]
    try rest.add(parts[2])
    var other = parts[0]
    try other.add(rest)
    #expect(other == sum)
  }

  /// Beyond the last group the requests begin again with the first.
  @Test func groupsAreShared() throws {
    var sums = GroupSums(predictors: 1, recallAt: [1])
    var full = GroupSums(predictors: 1, recallAt: [1])
    var metrics = LayerMetrics(experts: 2)
    metrics = try #require(
      LayerMetrics(events: [0, 1], ranks: [0, 0, 1, 0], lossSteps: [0, 5]))
    for group in 0..<4 {
      full.add(metrics, group: group, stage: 1, predictor: 0)
    }
    let isAdded = sums.add(full, from: RequestGroups.count - 2)
    #expect(isAdded && sums.groups == RequestGroups.count)
    #expect(sums.rows(of: 0, stages: [.decode]).count == 4)
    let isAddedAgain = sums.add(full, from: RequestGroups.count - 2)
    #expect(isAddedAgain)
    let rows = sums.rows(of: 0, stages: [.decode])
    #expect(rows.count == 4 && rows.allSatisfy { $0.events == 2 && $0.lossSteps == 10 })
    // The first two groups hold two of the four, twice: an event, 5 steps, a choice and a hit each.
    let total = sums.values.prefix(2 * sums.width).reduce(UInt64(0), +)
    #expect(total == 32)
  }

  @Test func analysesAddUp() throws {
    func analysis(_ chunks: [TraceChunk]) throws -> TraceAnalysis {
      var analysis = TraceAnalysis(shape: shape)
      for chunk in chunks { try analysis.consume(chunk.block) }
      return analysis
    }
    let whole = try analysis(stream())
    let parts = try shards.map { try TraceAnalysis(stored(analysis($0).sums)) }
    var sum = parts[0]
    for part in parts.dropFirst() { try sum.add(part) }
    #expect(sum.sums == whole.sums)
    let (one, other) = (sum.observations(), whole.observations())
    #expect(one.layers.map(\.figures) == other.layers.map(\.figures))
    #expect(one.tasks == other.tasks && one.tokens == other.tokens && one.requests == 21)
    var rest = parts[1]
    try rest.add(parts[2])
    var again = parts[0]
    try again.add(rest)
    #expect(again.sums == sum.sums)
    let another = TraceAnalysis(shape: try TraceShape(modelLayers: [0, 1], experts: 10, topK: 3))
    #expect(throws: ShardSumsError.self) { try sum.add(another) }
  }

  /// Tasks are told apart by name, in whichever order shards tell them.
  @Test func tasksAreJoinedByName() {
    var names = TaskNames(["a", "b"])
    let found = names.join(TaskNames(["c", "b", "a"]))
    #expect(found == [2, 1, 0])
    #expect(names.names == ["a", "b", "c"] && !names.isFull)
    let many = TaskNames((0..<TaskNames.capacity).map { "t\($0)" })
    let places = names.join(many)
    #expect(names.isFull && names.names.count == TaskNames.capacity)
    #expect(places.count(where: { $0 == nil }) == 3)
  }

  /// What a cell could not hold is refused, and so are sums that contradict themselves.
  @Test func hostileSumsAreRefused() throws {
    var analysis = TraceAnalysis(shape: shape)
    for chunk in shards[0] { try analysis.consume(chunk.block) }
    let cells = [shape.layers, 2, shape.experts]
    for (name, count) in [("frequency", UInt32.max), ("frequency", 1 << 31 - 1)] {
      var sums = analysis.sums
      sums.set(
        name, [UInt32](repeating: count, count: cells.reduce(1, *)), shape: cells)
      #expect(throws: ShardSumsError.self) { try TraceAnalysis(sums) }
    }
    var twice = analysis.sums
    twice.settings["tasks"] = ["a", "a", "b"]
    #expect(throws: ShardSumsError.self) { try TraceAnalysis(twice) }
    var scores = StreamScores(try model()).sums(of: .evaluate)
    scores.set("progress", [UInt64(3), 0, 0, 0], shape: [4])
    #expect(throws: ShardSumsError.self) { try StreamScores(scores) }
    scores.settings["recall_at"] = ["5", "1"]
    #expect(throws: ShardSumsError.self) { try StreamScores(scores) }
  }
}
