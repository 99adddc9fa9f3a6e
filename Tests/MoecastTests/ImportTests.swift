import ArgumentParser
import DurableFile
import FoundationEssentials
import RoutingTrace
import TestSupport
import Testing

@testable import moecast

private let good = Array(#"[{"0": [[1], [2]]}, {"0": [[3]]}]"#.utf8)
private let faulty = Array(#"[{"0": [[1], [2]]}, {"0": [[9]]}]"#.utf8)

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

  @Test func gateWeightsMayBeLeftOut() throws {
    let folder = try TemporaryFolder()
    let lines = Array("1\t2\t3\t4\t\t0.5\t0.25\t1\t0.5\n".utf8)
    let input = try folder.write(lines, to: "expert_weights_1.txt")
    for (name, options) in [("with", []), ("without", ["--no-weights"])] {
      let output = folder.file(name)
      try Import.parse(["--experts", "8", "--top-k", "2", input, "-o", output] + options).run()
    }
    let (with, without) = (
      try chunks(in: folder.bytes(of: "with")), try chunks(in: folder.bytes(of: "without"))
    )
    #expect(with.map(\.block.weights) == [[0.5, 0.25, 1, 0.5]])
    #expect(without.map(\.block.weights) == [nil])
    #expect(with.map(\.block.ids) == without.map(\.block.ids))
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
    ["--list-shapes", "1.json"], ["--list-shapes", "-o", "out"],
    ["1.json", "-o", "out", "--shape", "tiny-moe", "--experts", "64"],
    ["1.json", "-o", "out", "--shape", "unknown"],
    ["1.json", "-o", "out", "--experts", "8", "--format", "unknown"],
    ["1.json", "-o", "out", "--experts", "8", "--prefill", "-1"],
    ["-o", "out", "--experts", "8"],
    ["1.json", "--experts", "8"], ["parts", "-o", "out", "--join"],
  ])
  func wrongUse(_ arguments: [String]) {
    let error = #expect(throws: (any Error).self) { try Import.parse(arguments) }
    #expect(error.map { Import.exitCode(for: $0) } == .validationFailure)
  }
}
