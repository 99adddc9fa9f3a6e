import Forecast
import ModelFile
import Prequential
import RoutingTrace
import TestSupport
import Testing
import Training

@Suite struct TrainingRunTests {
  let shape: TraceShape
  /// A trace of 8 chunks.
  let bytes: [UInt8]

  init() throws {
    shape = try TraceShape(model: "sample", modelLayers: [1, 2, 4], experts: 12, topK: 2)
    var random = SplitMix64(seed: 4)
    let shape = shape
    let requests = (0..<10).map { _ in
      RequestTrace.random(shape: shape, prefill: 6, decode: 10, using: &random)
    }
    bytes = try traceBytes(of: requests, shape: shape, chunkTokens: 20)
  }

  func learner() throws -> Learner {
    let names = ["layer-markov", "mixture-fast"]
    return try TrainingStart.anew(
      shape, predictors: PredictorCatalog.standard.specs(named: names))
  }

  /// What a run without any stop learns.
  func whole(_ trace: String) throws -> Learner {
    var learner = try learner()
    var run = TrainingRun()
    try run.consume(TraceStream([trace]), into: &learner)
    #expect(!run.isInterrupted && run.events == learner.progress.events)
    return learner
  }

  @Test func aRunLearnsWhatItsChunksTeach() throws {
    let folder = try TemporaryFolder()
    var byHand = try learner()
    for chunk in try chunks(in: bytes) {
      try byHand.consume(chunk)
      if [1, 2, 4, 8].contains(byHand.progress.chunks) { byHand.recordHistory() }
    }
    #expect(try whole(folder.write(bytes, to: "t.moe.lz4")) == byHand)
    #expect(byHand.progress.chunks == 8)
  }

  /// Progress is told in the order of events, and of every chunk.
  @Test func progressIsTold() throws {
    let folder = try TemporaryFolder()
    let trace = try folder.write(bytes, to: "t.moe.lz4")
    var learner = try learner()
    var run = TrainingRun()
    run.noteEvery = 3
    var (noted, read, ended): ([UInt64], [Int], [[String]]) = ([], [], [])
    try run.consume(
      TraceStream([trace]), into: &learner,
      progress: { progress in
        switch progress {
        case .noted(let row, _): noted.append(row.chunks)
        case .read(let bytes): read.append(bytes)
        case .ended(let remarks): ended.append(remarks.unfinished)
        }
      })
    #expect(noted == [3, 6])
    #expect(learner.history.map(\.chunks) == [3, 6])
    #expect(read.count == 8 && read == read.sorted() && read[7] <= bytes.count)
    #expect(ended == [[]])
  }

  /// A run that is asked to stop keeps its model, from which another goes on to the same bytes.
  @Test(arguments: [1, 3, 7])
  func stoppingAndResumingGivesTheSame(chunks: Int) throws {
    let folder = try TemporaryFolder()
    let trace = try folder.write(bytes, to: "t.moe.lz4")
    let model = folder.file("m.h5")
    var first = TrainingRun()
    first.saver = CheckpointSaver(try CheckpointFile(model))
    first.interval = .chunks(2)
    var learner = try learner()
    var asked = 0
    try first.consume(
      TraceStream([trace]), into: &learner,
      isStopped: {
        asked += 1
        return asked > chunks
      })
    first.saver = nil
    #expect(first.isInterrupted && learner.progress.chunks == chunks)
    let kept = try Checkpoint.bytes(of: Checkpoint.read(model).learner)
    #expect(try kept == Checkpoint.bytes(of: learner))

    var stream = try TraceStream([trace])
    var resumed = try TrainingStart.resuming(Checkpoint.readNewest(of: model), &stream)
    var second = TrainingRun()
    try second.consume(stream, into: &resumed)
    #expect(try Checkpoint.bytes(of: resumed) == Checkpoint.bytes(of: whole(trace)))
  }

  /// What came before a damaged chunk is saved; the chunk has taught nothing.
  @Test func damageKeepsWhatCameBefore() throws {
    let folder = try TemporaryFolder()
    var damaged = bytes
    damaged[bytes.count * 2 / 3] ^= 0x10
    let trace = try folder.write(damaged, to: "damaged.moe.lz4")
    let model = folder.file("m.h5")
    var run = TrainingRun()
    run.saver = CheckpointSaver(try CheckpointFile(model))
    var learner = try learner()
    let error = #expect(throws: TraceError.self) {
      try run.consume(TraceStream([trace]), into: &learner)
    }
    let kept = try Checkpoint.read(model).learner
    #expect(kept.progress.chunks == (error?.chunk).map { UInt64($0) })
    #expect(kept.progress.chunks > 0)
  }

  @Test func frozenRunsLearnNothing() throws {
    let folder = try TemporaryFolder()
    let trace = try folder.write(bytes, to: "t.moe.lz4")
    let known = try whole(trace).scoringAnew()
    var learner = known
    var run = TrainingRun()
    run.learns = false
    run.stopAfter = 5
    try run.consume(TraceStream([trace]), into: &learner)
    #expect(learner.layers.map(\.counts) == known.layers.map(\.counts))
    // Which requests are under way is no knowledge.
    #expect(learner.mixtures.map(\.withoutRequests) == known.mixtures.map(\.withoutRequests))
    #expect(learner.progress.chunks == 5)
    #expect(learner.score(of: 0, stages: Stage.allCases).events == run.events)
  }
}
