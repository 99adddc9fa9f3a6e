import ArgumentParser
import RoutingTrace
import TestSupport
import Testing

@testable import moecast

@Suite struct SampleTests {
  @Test func theSeedDecidesTheBytes() throws {
    let folder = try TemporaryFolder()
    let trace = try writeSampleTrace(to: "t.moe.lz4", in: folder)
    let model = folder.file("m.h5")
    try moecastRun("train", trace, "--model", model, "--json")
    for (name, seed) in [("a", "7"), ("b", "7"), ("c", "8")] {
      try moecastRun(
        "sample", "--model", model, "--requests", "3", "--tokens", "20", "--prefill", "4",
        "--seed", seed, "-o", folder.file(name), "--json")
    }
    #expect(try folder.bytes(of: "a") == folder.bytes(of: "b"))
    #expect(try folder.bytes(of: "a") != folder.bytes(of: "c"))
    // What is drawn can be learnt like any trace of the model.
    try moecastRun("train", folder.file("a"), "--model", model, "--json")
  }

  @Test func theTemperatureIsHeeded() throws {
    let folder = try TemporaryFolder()
    let trace = try writeSampleTrace(to: "t.moe.lz4", in: folder)
    let model = folder.file("m.h5")
    try moecastRun("train", trace, "--model", model, "--predictors", "layer-markov", "--json")
    func ids(_ temperature: String?) throws -> [UInt16] {
      let drawn = folder.file("drawn.moe.lz4")
      let arguments = ["sample", "--model", model, "--requests", "3", "--tokens", "20"]
      let options = ["--prefill", "4", "--seed", "7", "-o", drawn, "--json"]
      let given = temperature.map { ["--temperature", $0] } ?? []
      var command = try Moecast.parseAsRoot(arguments + options + given)
      try command.run()
      return try chunks(in: folder.bytes(of: "drawn.moe.lz4")).flatMap(\.block.ids)
    }
    let plain = try ids(nil)
    #expect(try ids("1") == plain)
    let (cold, hot) = (try ids("0.2"), try ids("5"))
    #expect(cold != plain && hot != plain && cold != hot)
  }

  @Test(arguments: [
    (["--requests", "0"], "--requests is from 1 to 100,000,000"),
    (["--requests", "1", "--tokens", "0"], "--tokens is from 1 to 1,048,576"),
    (["--requests", "1", "--tokens", "4", "--prefill", "5"], "--prefill is from 0 to --tokens, 4"),
    (["--requests", "1", "--temperature", "0"], "--temperature is from 0.05 to 20"),
    ([], "Missing expected argument '--requests <requests>'"),
  ])
  func wrongUseIsToldAtOnce(options: [String], message: String) {
    expectWrongUse(["sample", "--model", "m.h5", "-o", "o"] + options, message)
  }

  @Test func keysAreInSnakeCase() throws {
    let summary = SampleSummary(
      source: "mixture", requests: 1, tokens: 2, events: 3, bytesOut: 4)
    #expect(
      try json(summary) == """
        {
          "bytes_out" : 4,
          "events" : 3,
          "requests" : 1,
          "source" : "mixture",
          "tokens" : 2
        }
        """)
  }
}
