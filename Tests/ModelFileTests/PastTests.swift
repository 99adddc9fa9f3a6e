import Counting
import Forecast
import HDF5
import Prequential
import RoutingTrace
import TestSupport
import Testing

@testable import ModelFile

/// What a model knew before its own stream, in learners and files.
@Suite struct PastTests {
  /// A learner that has gone on from another, on chunks of another seed.
  static func continued() throws -> (old: Learner, new: Learner) {
    let old = try Samples.learner()
    var new = old.scoringAnew()
    for chunk in try Samples.chunks(2, seed: 5, shape: old.shape) { try new.consume(chunk) }
    new.recordHistory()
    return (old, new)
  }

  @Test func knowledgeStaysAndFiguresStartAnew() throws {
    let (old, new) = try Self.continued()
    #expect(new.past == [Generation(old.progress)] && new.streams == 2)
    #expect(new.progress.chunks == 2 && new.total(\.chunks) == 8)
    #expect(new.total(\.tokens) == old.progress.tokens + new.progress.tokens)
    #expect(new.digests == old.digests + new.progress.checksums)
    let own = new.score(of: 0, stages: Stage.allCases).events
    #expect(own > 0 && own <= new.progress.events)
    #expect(zip(new.layers, old.layers).allSatisfy { $0.counts.largest > $1.counts.largest })
    // What has learnt nothing leaves no generation.
    #expect(old.scoringAnew().scoringAnew().past == [Generation(old.progress)])
  }

  @Test func filesKeepThePast() throws {
    let folder = try TemporaryFolder()
    let (old, new) = try Self.continued()
    let third = new.scoringAnew()
    for (name, learner) in [("new.h5", new), ("third.h5", third)] {
      try Checkpoint.write(learner, to: folder.file(name))
      let checkpoint = try Checkpoint.read(folder.file(name))
      let isTheSame = checkpoint.learner == learner
      #expect(isTheSame)
      #expect(checkpoint.header.tokens == new.total(\.tokens) && checkpoint.header.chunks == 8)
      #expect(try ModelInspection(verifying: folder.file(name)).problems == [])
    }
    #expect(third.past.map(\.learnt) == [old.progress, new.progress])
  }

  @Test(.enabled(if: Python.has("h5py"), "python3 with h5py is absent"))
  func h5pyReadsThePast() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("M.h5")
    try Checkpoint.write(
      Merge.learner(of: [Samples.learner(seed: 1), Samples.learner(seed: 2)]), to: path)
    let printed = try Python.run(
      """
      import h5py, sys
      f = h5py.File(sys.argv[1])
      p = f['past']
      print({n: p[n][...].tolist() for n in ('streams', 'chunks', 'tokens', 'requests')})
      sums = p['checksums'][...].tolist()
      assert sums == sorted(sums) and len(sums) == 12 and len(f['stream/checksums']) == 0
      assert p['tokens'].dims[0].keys() == ['generation']
      print(int(f.attrs['tokens']), f['metrics/frequency/ranks'][...].sum())
      """, path)
    #expect(
      printed == """
        {'streams': [2], 'chunks': [12], 'tokens': [180], 'requests': [4]}
        180 0

        """)
  }

  /// Ranks of the own stream are some of what was chosen, never more.
  @Test func moreRankedThanLearntIsNamed() throws {
    let (_, new) = try Self.continued()
    var layers = new.layers
    let metrics = layers[1].metrics[0]
    let chosen = layers[1].counts.frequency.reduce(0) { $0 + UInt64($1) }
    var ranks = metrics.ranks
    ranks[0] += chosen
    layers[1].metrics[0] = try #require(
      LayerMetrics(events: metrics.events, ranks: ranks, lossSteps: metrics.lossSteps))
    let more = Learner(
      shape: new.shape, specs: new.specs, recallAt: new.recallAt, layers: layers,
      requests: new.requests, progress: new.progress, history: new.history, past: new.past)
    #expect(
      Totals(more).problems.contains { $0.hasPrefix("/metrics/frequency/ranks: model layer 2: ") })
    #expect(Totals(new).problems == [])
  }

  @Test func someOfThePredictorsAreKept() throws {
    let shape = try Samples.shape()
    let learner = try Samples.learner(
      Samples.chunks(shape: shape), shape: shape,
      predictors: [
        "frequency", "mixture-fast", "layer-markov", "mixture:only-token", "token-markov",
      ])
    let specs = [3, 2].map { learner.specs[$0] }
    let kept = try #require(learner.keeping(specs))
    #expect(kept.predictors == ["mixture:only-token", "layer-markov"])
    #expect(kept.models == [learner.models[1]])
    for (one, other) in zip(kept.layers, learner.layers) {
      #expect(one.counts.layerPairs == other.counts.layerPairs)
      #expect(one.counts.tokenPairs == nil && one.counts.frequency == other.counts.frequency)
      #expect(one.metrics == [other.metrics[3], other.metrics[2]])
    }
    #expect(try Checkpoint.learner(in: Checkpoint.bytes(of: kept), name: "kept") == kept)
    let other = try PredictorCatalog.standard.specs(named: ["layer-product"])
    #expect(learner.keeping(other) == nil && learner.keeping([specs[0], specs[0]]) == nil)
  }

  /// A model gives way to one of the same model only.
  @Test func anotherModelIsNotReplaced() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("M.h5")
    try Checkpoint.write(Samples.learner(), to: path)
    let before = try folder.bytes(of: "M.h5")
    for shape in [try Samples.shape(experts: 13), try Samples.shape(model: "another")] {
      let other = try Samples.learner(Samples.chunks(1, shape: shape), shape: shape)
      let error = #expect(throws: ModelError.self) { try CheckpointFile(path).write(other) }
      #expect(error?.kind == .mismatch)
      #expect(
        error?.problem
          == "it holds a model of sample: 3 MoE layers, top-3 of 12 experts, which one of \(shape) "
          + "would replace")
      #expect(error?.remedy == "name another output, or use --force to replace it")
      #expect(try folder.bytes(of: "M.h5") == before)
    }
    let nameless = try Samples.shape(model: "")
    try CheckpointFile(path).write(
      Samples.learner(Samples.chunks(1, shape: nameless), shape: nameless))
    let wide = try Samples.shape(experts: 13)
    try CheckpointFile(path, isForced: true).write(
      Samples.learner(Samples.chunks(1, shape: wide), shape: wide))
    #expect(try Checkpoint.header(of: path).shape == wide)
  }
}
