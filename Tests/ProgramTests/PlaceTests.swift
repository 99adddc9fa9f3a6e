import Foundation
import TestSupport
import Testing

/// `place` on the shipped traces: its bounds, its evidence, its files.
struct PlaceTests {
  private func rows(_ arguments: String...) throws -> [JSONValue] {
    try Program.json(["place", "--gpus", "8", "--draws", "0"] + arguments).array
  }

  private func saving(_ name: String, _ rows: [JSONValue]) throws -> Double {
    let row = try #require(rows.first { $0["algorithm"].text == name }, "\(name)")
    return row["expert_saving"].number
  }

  /// Large batches, in which arithmetic counts: from prompts, between the default and the oracle.
  @Test func promptsPlaceBetweenTheDefaultAndTheOracle() throws {
    let rows = try rows(Program.test, "--algorithm", "remap", "--batch", "4096")
    let names = rows.compactMap { $0["algorithm"].text }
    #expect(names == ["contiguous", "remap", "oracle: remap", "worst"])
    #expect(rows.compactMap { $0["in_sample"].text } == ["no", "no", "yes", "yes"])
    #expect(rows[1]["evidence"].text == "prefill")
    let remap = try saving("remap", rows)
    #expect(try saving("contiguous", rows) == 0)
    #expect(remap > 0)
    #expect(try remap < saving("oracle: remap", rows))
    #expect(try saving("worst", rows) < 0)
  }

  @Test func localityChangesGPUsLess() throws {
    let rows = try rows(Program.test, "--algorithm", "locality,separation")
    func messages(_ name: String) throws -> Double {
      let row = try #require(rows.first { $0["algorithm"].text == name })
      return row["messages_per_token"].number
    }
    #expect(try messages("locality") < messages("contiguous"))
    #expect(try messages("separation") > messages("contiguous"))
  }

  /// Placed from a model of other requests, and from that and the prompts.
  @Test func modelsPlaceToo() throws {
    let alone = try rows(Program.model, "--judge", Program.test, "--algorithm", "remap")
    #expect(alone[1]["evidence"].text == Program.model)
    let both = try rows(Program.test, Program.model, "--algorithm", "remap")
    #expect(both[1]["evidence"].text == "prefill and \(Program.model)")
    #expect(alone[1]["expert_seconds"].number != both[1]["expert_seconds"].number)
  }

  @Test func theTableTellsWhatItIsOf() throws {
    let text = try Program.text([
      "place", "--gpus", "8", "--algorithm", "remap", "--draws", "20", "--traffic", Program.test,
    ])
    let lines = text.split(separator: "\n").map(String.init)
    #expect(
      lines[0] == "placed from prefill, judged on decode of the same requests: 1,995 tokens of 21 "
        + "requests, nvlink-8, 16 steps")
    #expect(lines[1].hasPrefix("algorithm"))
    #expect(lines[3].contains(" to "))
    // Before and after.
    #expect(lines.filter { $0.hasPrefix("dispatch from GPU to GPU") }.count == 2)
  }

  @Test func resultsDoNotDependOnThreads() throws {
    func text(_ workers: String) throws -> String {
      try Program.text([
        "place", "--gpus", "8", "--redundant", "8", "--draws", "9", "--json", "--workers", workers,
        Program.test,
      ])
    }
    #expect(try text("1") == text("2"))
  }

  @Test func weightsMoveOnlyWhereTheyPay() throws {
    let rows = try Program.json([
      "place", "--gpus", "8", "--algorithm", "remap", "--batch", "4", "--every", "32", Program.test,
    ]).array
    let policies = rows.compactMap { $0["moves"].text }
    #expect(policies == ["never", "never", "always", "paying"])
    let seconds = rows.map { $0["seconds"].number }
    #expect(seconds[3] <= seconds[1] && seconds[3] < seconds[2])
    #expect(rows[2]["moving_seconds"].number > 0)
  }

  @Test func placementsAreWrittenAndSimulated() throws {
    let folder = try TemporaryFolder()
    let file = folder.file("experts.json")
    _ = try Program.text([
      "place", "--gpus", "8", "--algorithm", "eplb", "--redundant", "8", "--draws", "0", "-o", file,
      Program.test,
    ])
    let map = try JSONValue(parsing: String(contentsOfFile: file, encoding: .utf8))
    let layers = map["physical_to_logical_map"].array
    #expect(layers.count == 12 && layers.allSatisfy { $0.array.count == 72 })
    let simulated = try Program.json([
      "simulate", "--wafer", "nvlink-8", "--strategy", "ep", "--batch", "256", "--placement", file,
      Program.test,
    ]).array
    #expect(simulated.count == 1)
  }
}
