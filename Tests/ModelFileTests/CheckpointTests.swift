import DurableFile
import Forecast
import Foundation
import HDF5
import ModelFile
import Prequential
import RoutingTrace
import SystemPackage
import TestSupport
import Testing

@Suite struct CheckpointTests {
  let folder: TemporaryFolder
  let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("M.h5")
  }

  @Test(arguments: [
    [], ["frequency"], ["layer-product"], ["token-markov", "frequency"], Samples.predictors,
    ["mixture"], ["mixture-all:h2", "layer-markov", "mixture-fast:tasks"],
  ])
  func everyLearnerComesBack(predictors: [String]) throws {
    let shape = try Samples.shape()
    for count in [0, 1, 6] {
      let learner = try Samples.learner(
        Samples.chunks(count, shape: shape), shape: shape, predictors: predictors)
      try Checkpoint.write(learner, to: path)
      let back = try Checkpoint.read(path)
      #expect(back.isSealed)
      #expect(back.learner.layers == learner.layers)
      #expect(back.learner.progress == learner.progress)
      #expect(back.learner.history == learner.history)
      #expect(back.learner.mixtures == learner.mixtures)
      #expect(back.learner.shape == learner.shape)
      #expect(back.learner.requests == learner.requests)
      #expect(try Checkpoint.bytes(of: back.learner) == Checkpoint.bytes(of: learner))
    }
  }

  @Test(arguments: [Samples.predictors, ["mixture", "mixture-all:cold-decode"]])
  func resumingAnywhereGivesTheSameBytes(predictors: [String]) throws {
    let shape = try Samples.shape()
    let chunks = try Samples.chunks(shape: shape)
    let whole = try Checkpoint.bytes(
      of: Samples.learner(chunks, shape: shape, predictors: predictors))
    for stop in 0...chunks.count {
      var learner = try Samples.learner(
        Array(chunks[..<stop]), shape: shape, predictors: predictors)
      try Checkpoint.write(learner, to: path)
      learner = try Checkpoint.read(path).learner
      for chunk in chunks[stop...] {
        try learner.consume(chunk)
        learner.recordHistory()
      }
      #expect(try Checkpoint.bytes(of: learner) == whole, "stopped after \(stop) chunks")
    }
  }

  @Test func damagedNewestFallsBackAGeneration() throws {
    let shape = try Samples.shape()
    let chunks = try Samples.chunks(shape: shape)
    var learner = try Learner(shape: shape, predictors: ["layer-markov"])
    for chunk in chunks[..<3] {
      try learner.consume(chunk)
      try Checkpoint.write(learner, to: path, keeping: 2)
    }
    #expect(try Checkpoint.readNewest(of: path).learner.progress.chunks == 3)
    var bytes = try folder.bytes(of: "M.h5")
    bytes[bytes.count / 2] ^= 4
    try folder.write(bytes, to: "M.h5")
    let back = try Checkpoint.readNewest(of: path)
    #expect(back.learner.progress.chunks == 2)
    #expect(back.path == path + ".1")
    #expect(
      back.passedOver.map(\.description) == [
        "\(path): its bytes are not those that were written; "
          + "use \(path).1, the generation before it, or train again"
      ])
    try folder.write(Array(bytes[..<100]), to: "M.h5.1")
    #expect(try Checkpoint.readNewest(of: path).learner.progress.chunks == 1)
    try FileManager.default.removeItem(atPath: path)
    #expect(try Checkpoint.readNewest(of: path).learner.progress.chunks == 1)
    try FileManager.default.removeItem(atPath: path + ".2")
    #expect(throws: ModelError.self) { try Checkpoint.readNewest(of: path) }
  }

  @Test func everyFailingStepLeavesALoadableCheckpoint() throws {
    let shape = try Samples.shape()
    let chunks = try Samples.chunks(3, shape: shape)
    let old = try Samples.learner(Array(chunks[..<1]), shape: shape)
    let new = try Samples.learner(chunks, shape: shape)
    for step in 1...14 {
      for code in [Errno.ioError, .noSpace] {
        try Checkpoint.write(old, to: path)
        let operations = FailingOperations(.failure(code), atStep: step)
        do throws(ModelError) {
          try Checkpoint.write(new, to: path, operations: operations)
        } catch {
          #expect(error.kind == .access)
          #expect(error.description.contains("\(code)"), "\(error)")
        }
        let chunks = try Checkpoint.read(path).learner.progress.chunks
        #expect(chunks == 1 || (chunks == 3 && operations.calls.contains("rename")))
        let hidden = try FileManager.default.contentsOfDirectory(atPath: folder.path)
          .filter { $0.hasPrefix(".") }
        #expect(hidden == [])
      }
    }
  }

  @Test func theSameModelIsNotAGenerationOfItself() throws {
    let shape = try Samples.shape()
    let chunks = try Samples.chunks(2, shape: shape)
    let old = try Samples.learner(Array(chunks[..<1]), shape: shape)
    let new = try Samples.learner(chunks, shape: shape)
    for learner in [old, new, new, new] { try Checkpoint.write(learner, to: path) }
    #expect(try Checkpoint.read(path).learner.progress.chunks == 2)
    #expect(try Checkpoint.read(path + ".1").learner.progress.chunks == 1)
  }

  @Test func aSecondWriterIsRefused() throws {
    let file = try CheckpointFile(path)
    #expect(file.warnings == [])
    do throws(ModelError) {
      _ = try CheckpointFile(path)
      Issue.record("a second writer was let in")
    } catch {
      #expect(error.description.contains("is being written by process"))
    }
    try file.write(Samples.learner())
  }

  @Test func somethingElseIsNotOverwritten() throws {
    try folder.write(Array("my thesis".utf8), to: "M.h5")
    #expect(throws: ModelError.self) { _ = try CheckpointFile(path) }
    let other = try H5File()
    try other.root.set("encoding-type", to: "anndata")
    try folder.write(try other.bytes(), to: "M.h5")
    do throws(ModelError) {
      _ = try CheckpointFile(path)
      Issue.record("a foreign HDF5 file was taken over")
    } catch {
      #expect(
        error.description
          == "\(path): holds something else than a model of this program; name another output, or "
          + "use --force to replace it")
    }
    #expect(try folder.bytes(of: "M.h5") == other.bytes())
    try CheckpointFile(path, isForced: true).write(Samples.learner())
    #expect(try Checkpoint.read(path).isSealed)
  }

  @Test func aDamagedModelPushesNoIntactOneOut() throws {
    let shape = try Samples.shape()
    let chunks = try Samples.chunks(3, shape: shape)
    let learners = try (1...3).map { try Samples.learner(Array(chunks[..<$0]), shape: shape) }
    try Checkpoint.write(learners[0], to: path)
    try Checkpoint.write(learners[1], to: path)
    let whole = try folder.bytes(of: "M.h5")
    for count in [0, 40, whole.count / 2, whole.count - 100] {
      try folder.write(Array(whole[..<count]), to: "M.h5")
      // The write fails at its last step, as by a disk that fails.
      let failing = FailingOperations(.failure(.ioError), atStep: 100)
      try Checkpoint.write(learners[2], to: path, operations: failing)
      #expect(!failing.calls.contains("link"), "\(count)")
      #expect(try Checkpoint.read(path).learner.progress.chunks == 3)
      #expect(try Checkpoint.read(path + ".1").learner.progress.chunks == 1)
    }
  }

  @Test func aWholeLeftoverThatIsNewerIsOffered() throws {
    let shape = try Samples.shape()
    let chunks = try Samples.chunks(3, shape: shape)
    let learners = try (1...3).map { try Samples.learner(Array(chunks[..<$0]), shape: shape) }
    try Checkpoint.write(learners[0], to: path)
    let leftover = ".M.h5.999999-0.partial"
    // What no longer reads, and what is no newer, goes; so does nobody else's.
    let newer = try Checkpoint.bytes(of: learners[1])
    try folder.write(Array(newer.dropLast(80)), to: leftover)
    try folder.write(newer, to: ".M.h5.x.999999-0.partial")
    #expect(try CheckpointFile(path).warnings == [])
    try folder.write(Checkpoint.bytes(of: learners[0]), to: leftover)
    #expect(try CheckpointFile(path).warnings == [])
    #expect(!FileManager.default.fileExists(atPath: folder.file(leftover)))
    try folder.write(newer, to: leftover)
    do {
      let file = try CheckpointFile(path)
      #expect(file.warnings.count == 1)
      #expect(file.warnings.first?.contains("whole checkpoint of 2 chunks, newer than") == true)
      // A model of other chunks has not learnt what it knows.
      try file.write(Samples.learner([chunks[2]], shape: shape))
      #expect(try folder.bytes(of: leftover) == newer)
      try file.write(learners[2])
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(names.filter { $0.hasPrefix(".") } == [".M.h5.x.999999-0.partial"])
  }

  @Test func whereThereAreNoHardLinksGenerationsAreCopied() throws {
    let shape = try Samples.shape()
    let chunks = try Samples.chunks(3, shape: shape)
    let learners = try (1...3).map { try Samples.learner(Array(chunks[..<$0]), shape: shape) }
    for code in [Errno.notPermitted, .notSupported, .tooManyLinks] {
      let operations = FailingOperations(.failure(code), everywhereIn: "link")
      let file = try CheckpointFile(path, keeping: 2, operations: operations)
      #expect(
        file.warnings == [
          "\(path): this file system has no hard links; older generations are copied"
        ])
      for learner in learners { try file.write(learner) }
      for (number, name) in ["M.h5", "M.h5.1", "M.h5.2"].enumerated() {
        #expect(try folder.bytes(of: name) == Checkpoint.bytes(of: learners[2 - number]))
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 4)
    }
  }
}
