import Archive
import FoundationEssentials
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// The article's script, on FLAME-MoE's own tables.
@Suite struct ParquetTests {
  private static let tables = SharedData.path + "/formats/flame/flame-moe-290m"

  /// The only Python of the article.
  private func script() throws -> String {
    var path = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    path.removeLast(3)
    let article = try String(
      contentsOf: URL(
        filePath: path.joined(separator: "/") + "/Sources/TraceImport/TraceImport.docc/Parquet.md"),
      encoding: .utf8)
    let start = try #require(article.firstRange(of: "```python\n")).upperBound
    let end = try #require(article[start...].firstRange(of: "```")).lowerBound
    return String(article[start..<end])
  }

  @Test(
    .enabled(if: SharedData.isPresent, "\(SharedData.absence)"),
    .enabled(if: Python.has("pyarrow", "numpy"), "\(Python.absence("pyarrow", "numpy"))"),
    arguments: [("layer_02", "layer_03"), ("layer_02_varlist", "layer_03_varlist")])
  func theScriptGivesWhatTheDataSetHolds(_ names: (String, String)) throws {
    let folder = try TemporaryFolder()
    let actives = Self.tables + "/actives/iter_5473/"
    for (name, layer) in [(names.0, 2), (names.1, 3)] {
      let bytes = try Data(contentsOf: URL(filePath: actives + name + ".parquet"))
      try folder.write(Array(bytes), to: "layers/layer_0\(layer).parquet")
    }
    let output = folder.file("5473.npz")
    _ = try Python.run(
      try script(), folder.file("layers"), output, Self.tables + "/samples/000.parquet")
    let requests = try importAll([output], options: ImportOptions(experts: 64))
    #expect(requests.map(\.prefill) == [64])
    // What training wrote of the same tokens.
    let raw = try importAll(
      [SharedData.path + "/formats/flame/raw_actives/5473"], options: ImportOptions(experts: 64))
    #expect(requests.map(\.ids) == raw.map(\.ids))
    #expect(requests.map(\.weights) == raw.map(\.weights))
  }
}
