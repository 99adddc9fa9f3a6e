import ArgumentParser
import RoutingTrace
import ShardSums
import TestSupport
import Testing

@testable import moecast

/// `--chunks` and `--partial`, and what the commands make of sums.
@Suite struct ShardCommandTests {
  let folder: TemporaryFolder
  let trace: String
  let model: String

  init() throws {
    folder = try TemporaryFolder()
    trace = try writeSampleTrace(to: "t.moe.lz4", in: folder)
    model = folder.file("m.h5")
    try moecastRun(
      "train", trace, "--model", model, "--predictor", "layer-markov", "--quiet", "--json")
  }

  @Test(arguments: ["x", "3-", "-3", "4-2", "1-2-3", ""]) func noRangesOfChunks(text: String) {
    expectWrongUse(["train", "t", "--chunks=\(text)"], "--chunks")
  }

  @Test func rangesAreReadByTheIndex() throws {
    var ids: [[UInt16]] = []
    for range in [0...2, 3...3, 4...6] {
      var stream = try TraceStream([trace], chunks: range)
      while let chunk = try stream.next() { ids.append(chunk.block.ids) }
      #expect(stream.remarks.lines.isEmpty)
    }
    var whole: [[UInt16]] = []
    var stream = try TraceStream([trace])
    while let chunk = try stream.next() { whole.append(chunk.block.ids) }
    #expect(ids == whole && whole.count == 7)
    for (inputs, range, words) in [
      ([trace], 5...7, "it has no chunks 5 to 7, but 7 of them, counted from 0"),
      ([trace, trace], 0...1, "chunks are named of one trace, and others are given too"),
    ] {
      let error = #expect(throws: TraceError.self) { try TraceStream(inputs, chunks: range) }
      #expect(error?.problem == words)
    }
    let unfinished = try writeSampleTrace(to: "u.moe.lz4", in: folder, finishing: false)
    let error = #expect(throws: TraceError.self) { try TraceStream([unfinished], chunks: 0...1) }
    #expect(error?.problem.contains("no index") == true)
  }

  @Test(arguments: [
    (["evaluate", "t", "--model", "m", "--force"], "--force is for the file of --partial"),
    (["compare", "t", "--force"], "--force is for the file of --partial"),
    (["analyze", "t", "--force"], "--force is for the file of --partial"),
    (["evaluate", "t", "--model", "m", "--partial", "p", "--json"], "--json would do nothing"),
    (["compare", "t", "--partial", "p", "--seed", "3"], "--seed would do nothing"),
    (["compare", "t", "--partial", "p", "--resamples", "3"], "--resamples would do nothing"),
    (["analyze", "t", "--partial", "p", "--json"], "--json would do nothing"),
  ]) func whatWouldDoNothingIsRefused(arguments: [String], words: String) {
    expectWrongUse(arguments, words)
  }

  /// Fails in running, as wrong use.
  private func expectRefused(_ arguments: [String], _ words: String) {
    let error = #expect(throws: (any Error).self) { try moecastRun(arguments) }
    guard let error else { return }
    #expect("\(error)".contains(words), "\(arguments): \(error)")
  }

  @Test func sumsTakeTheOptionsOfTellingAlone() throws {
    let part = folder.file("p.npz")
    try moecastRun("evaluate", trace, "--model", model, "--frozen", "--partial", part)
    #expect(try ShardSums(path: part).kind == .evaluate)
    try moecastRun("evaluate", part, "--json")
    for option in [
      ["--model", model], ["--frozen"], ["--chunks", "0"], ["--recall-at", "1"], ["--quiet"],
    ] {
      expectRefused(["evaluate", part] + option, "\(option[0]) would do nothing")
    }
    expectRefused(["evaluate", part, trace], "give sums alone, or traces alone")
    expectRefused(["compare", part], "it holds sums of `moecast evaluate`")
    expectRefused(["evaluate", part, part], "a shard was given twice")
    expectRefused(
      ["evaluate", trace, "--model", model, "--partial", part], "--partial needs --frozen")
    let counts = folder.file("counts.npz")
    try moecastRun("analyze", trace, "--partial", counts)
    try moecastRun("analyze", counts, "--workers", "1", "--json")
    expectRefused(["analyze", counts, counts], "a shard was given twice")
    // A file of another kind is spared.
    expectRefused(
      ["evaluate", trace, "--model", model, "--frozen", "--partial", model],
      "would be replaced though it is an input")
    expectRefused(
      ["analyze", trace, "--partial", model], "holds something else than sums of a shard")
    try moecastRun("evaluate", trace, "--model", model, "--frozen", "--partial", part)
  }

  @Test func damagedTracesLeaveNoSums() throws {
    var bytes = try folder.bytes(of: "t.moe.lz4")
    bytes[bytes.count / 2] ^= 0x40
    let damaged = try folder.write(bytes, to: "d.moe.lz4")
    let part = folder.file("p.npz")
    for command in [
      ["evaluate", "--model", model, "--frozen"], ["compare", "--predictors", "frequency"],
      ["analyze"],
    ] {
      #expect(throws: TraceError.self) {
        try moecastRun(command + [damaged, "--partial", part])
      }
      #expect(throws: (any Error).self) { try folder.bytes(of: "p.npz") }
    }
  }
}
