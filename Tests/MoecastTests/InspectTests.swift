import ArgumentParser
import RoutingTrace
import TestSupport
import Testing

@testable import moecast

@Suite struct InspectTests {
  @Test func theVerdictIsTheExitCode() throws {
    let folder = try TemporaryFolder()
    let whole = try writeSampleTrace(to: "whole.moe.lz4", in: folder)
    try moecastRun("inspect", whole, "--verify", "--json")
    let open = try writeSampleTrace(to: "open.moe.lz4", in: folder, finishing: false)
    let bytes = try folder.bytes(of: "whole.moe.lz4")
    let cut = try folder.write(Array(bytes[..<(bytes.count / 2)]), to: "cut.moe.lz4")
    try moecastRun("inspect", open, "--json")
    #expect(throws: ExitCode(1)) { try moecastRun("inspect", cut, "--json") }
    for file in [open, cut] {
      #expect(throws: ExitCode(1)) { try moecastRun("inspect", file, "--verify", "--json") }
    }
  }

  @Test func factsAreThoseOfTheTrace() throws {
    let folder = try TemporaryFolder()
    let facts = try TraceFacts(of: try writeSampleTrace(to: "t.moe.lz4", in: folder))
    #expect(facts.requests == 12)
    #expect(facts.tokens == 192)
    #expect(facts.stages == ["prefill": 72, "decode": 120])
    #expect(facts.tasks == ["math": 6, "code": 6])
    #expect(facts.chunks == 7)
    #expect(facts.intact && facts.complete && !facts.weights)
    #expect(facts.bytes == (try folder.bytes(of: "t.moe.lz4").count))
  }

  @Test(arguments: [0.3, 0.6, 0.95])
  func repairKeepsTheWholeChunks(share: Double) throws {
    let folder = try TemporaryFolder()
    let whole = try writeSampleTrace(to: "whole.moe.lz4", in: folder)
    let bytes = try folder.bytes(of: "whole.moe.lz4")
    let cut = try folder.write(
      Array(bytes[..<Int(Double(bytes.count) * share)]), to: "cut.moe.lz4")
    let repaired = folder.file("repaired.moe.lz4")
    try moecastRun("inspect", cut, "--repair", repaired, "--json")
    try moecastRun("inspect", repaired, "--verify", "--json")
    var (kept, all) = (try TraceStream([repaired]), try TraceStream([whole]))
    var chunks = 0
    while let chunk = try kept.next() {
      let original = try #require(try all.next())
      #expect(chunk.block == original.block)
      #expect(chunk.checksum == original.checksum)
      chunks += 1
    }
    #expect(chunks == (try TraceFacts(of: cut).chunks))
  }
}
