import ArgumentParser
import Dispatch
import FoundationEssentials
import ModelFile
import RoutingTrace
import TestSupport
import Testing

@testable import moecast

@Suite struct TrainTests {
  @Test(arguments: [1, 3, 6])
  func resumingGivesTheBytesOfAnUnbrokenRun(stop: Int) throws {
    let folder = try TemporaryFolder()
    let trace = try writeSampleTrace(to: "t.moe.lz4", in: folder)
    try moecastRun("train", trace, "--model", folder.file("whole.h5"), "--json")
    let broken = folder.file("broken.h5")
    try moecastRun(
      "train", trace, "--model", broken, "--stop-after", "\(stop)", "--workers", "1")
    try moecastRun("train", trace, "--model", broken, "--resume", "--checkpoint-every", "2")
    #expect(try folder.bytes(of: "broken.h5") == folder.bytes(of: "whole.h5"))
  }

  @Test func resumingGoesOnWithAppendedTraces() throws {
    let folder = try TemporaryFolder()
    let first = try writeSampleTrace(to: "1.moe.lz4", in: folder)
    let second = try writeSampleTrace(to: "2.moe.lz4", in: folder, seed: 9)
    try moecastRun("train", first, "--model", folder.file("a.h5"), "--json")
    try moecastRun("train", first, second, "--model", folder.file("a.h5"), "--resume", "--json")
    try moecastRun("train", folder.path, "--model", folder.file("b.h5"), "--json")
    #expect(try folder.bytes(of: "a.h5") == folder.bytes(of: "b.h5"))
  }

  @Test func resumingWithAnotherTraceStops() throws {
    let folder = try TemporaryFolder()
    let trace = try writeSampleTrace(to: "1.moe.lz4", in: folder)
    let other = try writeSampleTrace(to: "2.moe.lz4", in: folder, seed: 9)
    let model = folder.file("m.h5")
    try moecastRun("train", trace, "--model", model, "--stop-after", "2", "--json")
    let before = try folder.bytes(of: "m.h5")
    let error = #expect(throws: TraceError.self) {
      try moecastRun("train", other, "--model", model, "--resume", "--json")
    }
    #expect(error?.kind == .shapeMismatch)
    #expect(error?.chunk == 0)
    #expect(try folder.bytes(of: "m.h5") == before)
  }

  /// What a training notes and learns stays as it began; the same asked for again is no error.
  @Test(arguments: [
    ("--predictors", "layer-markov,frequency", "--predictors", "frequency,layer-markov"),
    ("--predictors", "frequency", "--predictors", "frequency,layer-markov"),
    ("--recall-at", "1,3", "--recall-at", "1,2"),
  ])
  func resumingWithOtherPredictorsIsRefused(
    _ option: String, other: String, _ same: String, asBefore: String
  ) throws {
    let folder = try TemporaryFolder()
    let trace = try writeSampleTrace(to: "1.moe.lz4", in: folder)
    let model = folder.file("m.h5")
    let learning = ["train", trace, "--model", model, "--json"]
    try moecastRun(
      learning + ["--stop-after", "2", "--predictors", "frequency,layer-markov"]
        + ["--recall-at", "1,2"])
    let before = try folder.bytes(of: "m.h5")
    let error = #expect(throws: ValidationError.self) {
      try moecastRun(learning + ["--resume", option, other])
    }
    #expect(error?.message.contains("go on without \(option)") == true)
    #expect(try folder.bytes(of: "m.h5") == before)
    try moecastRun(learning + ["--resume", same, asBefore])
    #expect(try folder.bytes(of: "m.h5") != before)
  }

  @Test func aDamagedChunkTeachesNothingAndLosesNothing() throws {
    let folder = try TemporaryFolder()
    let trace = try writeSampleTrace(to: "t.moe.lz4", in: folder)
    var bytes = try folder.bytes(of: "t.moe.lz4")
    bytes[bytes.count * 2 / 3] ^= 0x10
    let damaged = try folder.write(bytes, to: "damaged.moe.lz4")
    let model = folder.file("m.h5")
    let error = #expect(throws: TraceError.self) {
      try moecastRun("train", damaged, "--model", model, "--json")
    }
    let chunk = try #require(error?.chunk)
    try moecastRun(
      "train", trace, "--model", folder.file("n.h5"), "--stop-after", "\(chunk)", "--json")
    #expect(try folder.bytes(of: "m.h5") == folder.bytes(of: "n.h5"))
    // The repaired file goes on from there.
    try moecastRun("train", trace, "--model", model, "--resume", "--json")
    try moecastRun("train", trace, "--model", folder.file("n.h5"), "--json")
    #expect(try folder.bytes(of: "m.h5") == folder.bytes(of: "n.h5"))
  }

  @Test func somethingElseIsNotOverwritten() throws {
    let folder = try TemporaryFolder()
    let trace = try writeSampleTrace(to: "t.moe.lz4", in: folder)
    let notes = try folder.write(Array("notes".utf8), to: "notes.txt")
    #expect(throws: ModelError.self) { try moecastRun("train", trace, "--model", notes) }
    #expect(try folder.bytes(of: "notes.txt") == Array("notes".utf8))
    #expect(throws: TraceError.self) { try moecastRun("train", notes, "--json") }
    #expect(throws: TraceError.self) { try moecastRun("train", folder.file("missing"), "--json") }
  }

  @Test func aFIFOAndAFolderTeachTheSame() throws {
    let folder = try TemporaryFolder()
    _ = try writeSampleTrace(to: "t.moe.lz4", in: folder)
    let fifo = folder.file("fifo")
    try run("mkfifo", fifo)
    let bytes = try folder.bytes(of: "t.moe.lz4")
    DispatchQueue.global().async {
      // Opening waits for the reader; a reader that never comes fails the test, not this.
      try? Data(bytes).write(to: URL(filePath: fifo))
    }
    try moecastRun("train", fifo, "--model", folder.file("a.h5"), "--json")
    try moecastRun("train", folder.path, "--model", folder.file("b.h5"), "--json")
    #expect(try folder.bytes(of: "a.h5") == folder.bytes(of: "b.h5"))
  }

  @Test(arguments: [
    ["train"],
    ["train", "t", "--resume"],
    ["train", "t", "--checkpoint-every", "3"],
    ["train", "t", "--recall-at", "0"],
    ["train", "t", "--recall-at", "1,x"],
    ["train", "t", "--workers", "0"],
    ["train", "t", "--model", "m", "--stop-after", "0"],
    ["evaluate", "t"],
    ["inspect"],
    ["teach"],
  ])
  func wrongUse(_ arguments: [String]) {
    do {
      var command = try Moecast.parseAsRoot(arguments)
      try command.run()
      Issue.record("\(arguments) was accepted")
    } catch {
      #expect(Moecast.exitCode(for: error) == .validationFailure)
    }
  }
}
