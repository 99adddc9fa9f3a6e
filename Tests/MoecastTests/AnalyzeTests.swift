import ArgumentParser
import DurableFile
import Foundation
import Insight
import RoutingTrace
import TestSupport
import Testing

@testable import moecast

@Suite struct AnalyzeTests {
  private func report(_ folder: TemporaryFolder) throws -> AnalysisReport {
    var stream = try TraceStream([try writeSampleTrace(to: "t.moe.lz4", in: folder)])
    var analysis = TraceAnalysis(shape: stream.shape)
    while let chunk = try stream.next() { try analysis.consume(chunk.block) }
    return AnalysisReport(analysis.observations(), seconds: 2)
  }

  @Test func theKeysAreStable() throws {
    let text = try json(try report(try TemporaryFolder()))
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(
      Set(object.keys) == [
        "shape", "requests", "tokens", "tasks", "figures", "layers", "seconds", "events_per_second",
      ])
    #expect(object["tasks"] as? [String: Int] == ["math": 96, "code": 96])
    #expect(object["events_per_second"] as? Double == 384)
    let figures = try #require(object["figures"] as? [String: [String: [String: Any]]])
    #expect(Set(figures.keys) == ["prefill", "decode", "all"])
    #expect(figures["all"]?["same_expert"]?["mean"] is Double)
    let layers = try #require(object["layers"] as? [[String: Any]])
    #expect(layers.map { $0["layer"] as? Int } == [1, 2, 4, 5])
    #expect((layers[0]["top_experts"] as? [Any])?.count == 10)
    #expect((layers[0]["top_pairs"] as? [[String: Any]])?.first?["experts"] is [Int])
  }

  @Test func theTableHasEveryFigureThatThereIs() throws {
    let report = try report(try TemporaryFolder())
    let lines = report.text(perLayer: true).plain.split(
      separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[0] == "sample: 4 MoE layers, top-2 of 12 experts")
    #expect(lines[1].hasPrefix("12 requests, 192 tokens (prefill 72, decode 120), 2 tasks; "))
    let table = lines.drop { !$0.hasPrefix("observation") }.dropFirst().prefix { !$0.isEmpty }
    #expect(table.count == report.figures[.all]?.count)
    let numbered = table.filter { $0.first?.isNumber ?? false }.map { $0.prefix(1) }
    #expect(numbered == ["1", "2", "3", "4", "5", "6"])
    let layers = lines.drop { !$0.hasPrefix("model layer") }
    #expect(layers.count == 5)
    // The first layer has none before it.
    #expect(layers.dropFirst().first?.split(separator: " ").prefix(2) == ["1", "-"])
  }

  @Test func damageIsToldAfterTheIntactChunks() throws {
    let folder = try TemporaryFolder()
    let whole = try writeSampleTrace(to: "whole.moe.lz4", in: folder)
    let bytes = try folder.bytes(of: "whole.moe.lz4")
    let cut = try folder.write(Array(bytes[..<(bytes.count / 2)]), to: "cut.moe.lz4")
    try moecastRun("analyze", whole, "--json", "--workers", "2")
    #expect(throws: TraceError.self) { try moecastRun("analyze", cut, "--json") }
    #expect(throws: (any Error).self) { try moecastRun("analyze", whole, "--workers", "0") }
  }
}
