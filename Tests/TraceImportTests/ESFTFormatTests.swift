import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

@Suite struct ESFTFormatTests {
  private static let options = ImportOptions(experts: 16, topK: 2)

  @Test func readsLayersInStepAndRanks() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      Array("1\t2\t3\t4\t\t0.125\t0.5\t0.25\t0.125\n7\t8\t\t1\t2\n".utf8),
      to: "expert_weights_2.txt")
    try folder.write(
      Array("9\t10\t11\t12\t\t1\t0\t0.5\t0.25\n0\t3\t\t2e-1\t1".utf8),
      to: "expert_weights_10.txt")
    var importer = try TraceImporter([folder.path], options: Self.options)
    #expect(importer.format == .esft)
    #expect(importer.shape.modelLayers == [2, 10])
    let first = try #require(try importer.next())
    #expect(first.ids == [2, 1, 9, 10, 3, 4, 11, 12])
    #expect(first.weights == [0.5, 0.125, 1, 0, 0.25, 0.125, 0.5, 0.25])
    #expect(first.prefill == 2)
    #expect(first.task == folder.path.split(separator: "/").last.map(String.init))
    let second = try #require(try importer.next())
    #expect(second.ids == [8, 7, 3, 0])
    #expect(second.weights == [2, 1, 1, 0.2])
    #expect(second.name == "2")
    #expect(try importer.next() == nil)
  }

  @Test(arguments: [
    ("1\t2\t3\t\t1\t2\t3\n", "3 ids are not a multiple of top-2"),
    ("1\t2\t3\t4\n", "two tabs between ids and gate weights are missing"),
    ("1\t2\t\t1\n", "1 gate weights for 2 ids"),
    ("1\t2\t\t1\tnan\n", "a gate weight is not a number"),
    ("1\tx\t\t1\t2\n", "an expert id is not a whole number"),
    ("1\t2\t\t1\t2\n", "1 tokens, but layer 1 has 2"),
    ("1\t2\t3\t3\t\t1\t1\t1\t1\n", "expert 3 is chosen twice"),
    ("1\t2\t3\t17\t\t1\t1\t1\t1\n", "expert 17 is outside 0 to 15"),
    ("1\t2\t3\t4\t\t1\t1\t1\t1\n\n1\t2\t\t1\t1\n", "it has more lines than layer 1 (1)"),
    ("\n1\t2\t\t1\t1\n", "the line is empty"),
    ("\n", "it has 0 lines, layer 1 has more"),
    ("", "it has 0 lines, layer 1 has more"),
  ])
  func namesTheLayer(_ text: String, problem: String) throws {
    let folder = try TemporaryFolder()
    try folder.write(Array("1\t2\t3\t4\t\t1\t1\t1\t1\n".utf8), to: "expert_weights_1.txt")
    try folder.write(Array(text.utf8), to: "expert_weights_2.txt")
    let fault = importFault { try importAll([folder.path], options: Self.options) }
    #expect(fault?.layer == 2)
    #expect(fault?.problem == problem)
  }

  /// A file with more or fewer lines than the others is told how many to keep, and that helps.
  @Test func keepingTheFirstLinesHelps() throws {
    let line = "1\t2\t\t1\t1\n"
    for (first, second) in [(1, 2), (2, 1)] {
      let folder = try TemporaryFolder()
      for (layer, lines) in [(1, first), (2, second)] {
        try folder.write(
          Array(String(repeating: line, count: lines).utf8), to: "expert_weights_\(layer).txt")
      }
      let fault = importFault { try importAll([folder.path], options: Self.options) }
      #expect(fault?.file == folder.file("expert_weights_2.txt"))
      #expect(fault?.remedy.hasSuffix("(head -n 1)") == true, "\(fault?.remedy ?? "no error")")
      let longer = folder.file("expert_weights_\(first > second ? 1 : 2).txt")
      try run("sh", "-c", "head -n 1 '\(longer)' > '\(folder.file("kept"))'")
      try run("mv", folder.file("kept"), longer)
      #expect(try importAll([folder.path], options: Self.options).count == 1)
    }
  }

  @Test func needsTopK() throws {
    let folder = try TemporaryFolder()
    try folder.write(Array("1\t2\t\t1\t1\n".utf8), to: "expert_weights_1.txt")
    let fault = importFault { try importAll([folder.path], options: ImportOptions(experts: 16)) }
    #expect(fault?.kind == .missing)
    #expect(fault?.remedy.contains("--top-k") == true)
  }

  @Test func linesLongerThanTheLimitAreRefused() throws {
    let folder = try TemporaryFolder()
    let text = String(repeating: "1\t2\t", count: 50_000)
    let path = try folder.write(Array(text.utf8), to: "long.txt")
    let reader = try LineReader(found(path), limit: 1 << 16)
    #expect(throws: ImportError.self) { _ = try reader.next() }
  }

  @Test func linesOfAnyLength() throws {
    let folder = try TemporaryFolder()
    let lines = [0, 1, 65_535, 65_536, 65_537, 200_000, 3].map { String(repeating: "x", count: $0) }
    let path = try folder.write(Array(lines.joined(separator: "\r\n").utf8), to: "lines.txt")
    let reader = try LineReader(found(path), limit: 1 << 20)
    for line in lines {
      let text = try #require(try reader.next())
      #expect(text.elementsEqual(line.utf8))
    }
    #expect(try reader.next() == nil)
  }
}
