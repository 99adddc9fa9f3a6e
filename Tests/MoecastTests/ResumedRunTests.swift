import DurableFile
import Prequential
import RoutingTrace
import TestSupport
import Testing

@testable import moecast

/// Runs that were broken off go on to the results of runs that were not.
@Suite struct ResumedRunTests {
  private struct Row: Codable, Equatable, Sendable {
    var name: String
    var value: Double
  }

  @Test func resultsAreKeptAsTheyCome() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("kept")
    do {
      let kept = try KeptResults<Row>(path, of: "test", fingerprint: "a")
      #expect(kept.earlier.isEmpty)
      kept.add([Row(name: "x", value: 0.1)])
      kept.add([Row(name: "y", value: .pi), Row(name: "z", value: 1e-300)])
      try kept.finish()
      // Nobody else writes to it meanwhile.
      #expect(throws: FileError.self) {
        try KeptResults<Row>(path, of: "test", fingerprint: "a")
      }
    }
    // A line that was cut is taken away, and what follows stands on a line of its own.
    var bytes = try folder.bytes(of: "kept")
    let whole = bytes
    bytes += Array("[{\"name\": \"cu".utf8)
    _ = try folder.write(bytes, to: "kept")
    do {
      let again = try KeptResults<Row>(path, of: "test", fingerprint: "a")
      #expect(again.earlier.map(\.value) == [0.1, .pi, 1e-300])
      #expect(try folder.bytes(of: "kept") == whole)
      again.add([Row(name: "w", value: 2)])
      try again.finish()
    }
    #expect(
      try KeptResults<Row>(path, of: "test", fingerprint: "a").earlier.map(\.name)
        == ["x", "y", "z", "w"])
  }

  @Test func othersResultsAreLeftAlone() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("kept")
    do { _ = try KeptResults<Row>(path, of: "test", fingerprint: "a") }
    for (kind, fingerprint, message) in [
      ("test", "b", "other options, traces or another version"), ("sweep", "a", "results of test"),
    ] {
      let before = try folder.bytes(of: "kept")
      let error = #expect(throws: KeptResultsError.self) {
        try KeptResults<Row>(path, of: kind, fingerprint: fingerprint)
      }
      #expect(error?.description.contains(message) == true)
      #expect(try folder.bytes(of: "kept") == before)
    }
    let notes = try folder.write(Array("my notes\n".utf8), to: "notes")
    #expect(throws: KeptResultsError.self) {
      try KeptResults<Row>(notes, of: "test", fingerprint: "a")
    }
    #expect(try folder.bytes(of: "notes") == Array("my notes\n".utf8))
  }

  /// A comparison that stopped after some chunks goes on to the same intervals.
  @Test func comparisonsGoOn() throws {
    let folder = try TemporaryFolder()
    let trace = try writeSampleTrace(to: "t.moe.lz4", in: folder)
    let names = ["frequency", "layer-markov"]
    var stream = try TraceStream([trace])
    var whole = try Comparison(shape: stream.shape, predictors: names)
    let path = folder.file("c.h5")
    var chunks = 0
    while let chunk = try stream.next() {
      try whole.consume(chunk)
      chunks += 1
      if chunks == 3 { try KeptComparison(path, inputs: [trace]).keep(whole) }
    }
    var rest = try TraceStream([trace])
    var resumed = try #require(
      try KeptComparison.comparison(
        at: path, &rest, predictors: whole.learner.specs, recallAt: nil))
    #expect(resumed.learner.progress.chunks == 3)
    while let chunk = try rest.next() { try resumed.consume(chunk) }
    #expect(resumed.learner.progress.chunks == UInt64(chunks) && chunks > 3)
    for predictor in names.indices {
      let (a, b) = (
        whole.estimates(of: predictor, stages: Stage.allCases, resamples: 50, seed: 1),
        resumed.estimates(of: predictor, stages: Stage.allCases, resamples: 50, seed: 1)
      )
      #expect(a?.recall == b?.recall && a?.logLossBits == b?.logLossBits && a != nil)
    }
  }

  /// What does not belong together is refused, and nothing crashes on it.
  @Test func comparisonsOfOthersAreRefused() throws {
    let folder = try TemporaryFolder()
    let trace = try writeSampleTrace(to: "t.moe.lz4", in: folder)
    let path = folder.file("c.h5")
    let compare = ["compare", trace, "--resamples", "10", "--resume", path, "--predictors"]
    try moecastRun(compare + ["frequency,layer-markov"])
    try moecastRun(compare + ["frequency,layer-markov"])
    let other = #expect(throws: KeptResultsError.self) { try moecastRun(compare + ["frequency"]) }
    #expect(other?.description.contains("ask for the same again") == true)
    let groups = try folder.bytes(of: "c.h5.groups")
    let text = String(decoding: groups, as: UTF8.self)
    for spoilt in [
      "", "{}", text.replacing("\"chunks\":7", with: "\"chunks\":6"),
      text.replacing("\"predictors\":2", with: "\"predictors\":3"),
      text.replacing("\"values\":[", with: "\"values\":[7,"),
      text.replacing("\"values\":[", with: "\"values\":[18446744073709551615,"),
      text.replacing("\"begun\":12", with: "\"begun\":-12"),
      text.replacing("\"live\":[", with: "\"live\":[-5,"),
    ] {
      #expect(spoilt != text)
      _ = try folder.write(Array(spoilt.utf8), to: "c.h5.groups")
      let error = #expect(throws: KeptResultsError.self) {
        try moecastRun(compare + ["frequency,layer-markov"])
      }
      #expect(error?.description.contains("does not belong") == true)
    }
  }
}
