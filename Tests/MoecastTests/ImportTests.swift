import ArgumentParser
import DurableFile
import FoundationEssentials
import RoutingTrace
import TestSupport
import Testing

@testable import moecast

private let good = Array(#"[{"0": [[1], [2]]}, {"0": [[3]]}]"#.utf8)
private let faulty = Array(#"[{"0": [[1], [2]]}, {"0": [[3, 4]]}]"#.utf8)

@Suite struct ImportTests {
  private func runImport(_ arguments: String...) throws {
    try Import.parse(["--experts", "8"] + arguments).run()
  }

  @Test func writesATraceThatReadsBack() throws {
    let folder = try TemporaryFolder()
    let input = try folder.write(good, to: "1.json")
    let output = folder.file("out.moe.lz4")
    try runImport(input, "-o", output)
    var stream = try TraceStream([output])
    #expect(stream.shape == (try TraceShape(modelLayers: [0], experts: 8, topK: 1)))
    let chunk = try #require(try stream.next())
    #expect(chunk.block.ids == [1, 2, 3])
    #expect(chunk.block.runs.map(\.stage) == [.prefill, .decode])
    #expect(try stream.next() == nil)
    // The same input gives the same bytes, and a trace may be replaced.
    let bytes = try folder.bytes(of: "out.moe.lz4")
    try runImport(input, "-o", output, "--json")
    #expect(try folder.bytes(of: "out.moe.lz4") == bytes)
  }

  @Test func anErrorLeavesTheOldTraceAndNothingElse() throws {
    let folder = try TemporaryFolder()
    let input = try folder.write(good, to: "1.json")
    let output = folder.file("out.moe.lz4")
    try runImport(input, "-o", output)
    let bytes = try folder.bytes(of: "out.moe.lz4")
    let bad = try folder.write(faulty, to: "2.json")
    #expect(throws: (any Error).self) { try runImport(input, bad, "-o", output) }
    #expect(throws: (any Error).self) { try runImport(bad, "-o", folder.file("new.moe.lz4")) }
    #expect(try folder.bytes(of: "out.moe.lz4") == bytes)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
        "1.json", "2.json", "out.moe.lz4",
      ])
  }

  @Test func outputThatIsSomethingElseIsRefused() throws {
    let folder = try TemporaryFolder()
    let input = try folder.write(good, to: "1.json")
    let notes = try folder.write(Array("notes".utf8), to: "notes.txt")
    let error = #expect(throws: FileError.self) { try runImport(input, "-o", notes) }
    #expect(error?.problem == "holds something else than a moecast trace")
    #expect(error?.remedy.contains("--force") == true)
    #expect(try folder.bytes(of: "notes.txt") == Array("notes".utf8))
    try runImport(input, "-o", notes, "--force")
    #expect(try TraceFacts(of: notes).intact)
    #expect(throws: (any Error).self) { try runImport(input, "-o", folder.path) }
    #expect(throws: (any Error).self) { try runImport(input, "-o", folder.file("no/out.moe.lz4")) }
  }

  @Test(arguments: [
    ["1.json", "-o", "out"],
    ["1.json", "-o", "out", "--shape", "tiny-moe", "--experts", "64"],
    ["1.json", "-o", "out", "--shape", "unknown"],
    ["1.json", "-o", "out", "--experts", "8", "--format", "unknown"],
    ["1.json", "-o", "out", "--experts", "8", "--prefill", "-1"],
    ["-o", "out", "--experts", "8"],
    ["1.json", "--experts", "8"],
  ])
  func wrongUse(_ arguments: [String]) {
    let error = #expect(throws: (any Error).self) { try Import.parse(arguments) }
    #expect(error.map { Import.exitCode(for: $0) } == .validationFailure)
  }
}
