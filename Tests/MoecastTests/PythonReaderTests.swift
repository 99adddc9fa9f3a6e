import FoundationEssentials
import RoutingTrace
import TestSupport
import Testing

/// The README's ten lines of Python, run as they stand there.
@Suite(.enabled(if: Python.has("numpy", "lz4.frame"), "\(Python.absence("numpy", "lz4"))"))
struct PythonReaderTests {
  static func snippet() throws -> String {
    let package = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    let readme = try String(
      contentsOfFile: package.joined(separator: "/") + "/README.md", encoding: .utf8)
    let start = try #require(readme.firstRange(of: "```python\nimport struct, lz4.frame"))
    let end = try #require(readme[start.upperBound...].firstRange(of: "```"))
    return String(readme[start.lowerBound..<end.lowerBound].dropFirst("```python\n".count))
  }

  @Test(arguments: [(8, 2, false), (300, 3, true), (256, 4, true)])
  func readsWhatWeWrite(experts: Int, topK: Int, weighted: Bool) throws {
    let folder = try TemporaryFolder()
    let shape = try TraceShape(modelLayers: [0, 3], experts: experts, topK: topK)
    var random = SplitMix64(seed: 4)
    let requests = (0..<5).map { _ in
      RequestTrace.random(
        shape: shape, prefill: 3, decode: 8, weighted: weighted, using: &random)
    }
    let bytes = try traceBytes(of: requests, shape: shape, chunkTokens: 16)
    let trace = try folder.write(bytes, to: "t.moe.lz4")
    let script = try Self.snippet().replacing(
      "models/tiny-moe-test.moe.lz4", with: trace)
    let printed = try Python.run(script).split(separator: "\n")
    let expected = try chunks(in: bytes).map { chunk in
      let block = chunk.block
      return "\(block.runs.count) runs, ids (2, \(block.tokens), \(topK)), "
        + "their sum \(block.ids.map(Int.init).reduce(0, +))"
    }
    #expect(printed.map(String.init) == expected)
    try run("lz4", "-t", "-q", trace)
  }
}
