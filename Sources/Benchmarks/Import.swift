import CCeilings
import Glibc
import LZ4Frame
import RoutingTrace
import SystemPackage
import TraceImport

/// JSON of the paper's format from the page cache to chunks in memory, beside simdjson's own walk over
/// the same text in memory.
func json(_ rounds: Rounds) throws -> ResultRow {
  let trace = try SyntheticTrace(
    "json", layers: 58, experts: 256, topK: 8, chunks: 2, chunkTokens: 4096)
  let folder = try TemporaryFolder()
  defer { folder.remove() }
  var texts: [[UInt8]] = []
  for (index, request) in tokenMajor(trace).enumerated() {
    var text = selectionTrace(request, shape: trace.shape)
    try folder.write(text, to: "\(index).json")
    text += [UInt8](repeating: 0, count: 64)
    texts.append(text)
  }
  let bytes = texts.reduce(0) { $0 + $1.count - 64 }
  var tokens = 0
  let row = try rounds.row(
    "paper's JSON to chunks, \(bytes / texts.count / 1000) KB a file", "MB/s",
    work: Double(bytes) / 1e6, against: "simdjson on demand, every number read"
  ) {
    var importer = try TraceImporter(
      [folder.path], format: .paperJSON, options: ImportOptions(model: .named("deepseek-v3")))
    var writer = try TraceWriter(MemorySink(), header: TraceHeader(shape: importer.shape))
    while let request = try importer.next() { try writer.append(request) }
    try writer.finish()
    tokens = importer.tokens
  } ceilingBody: {
    for text in texts {
      let sum = text.withUnsafeBytes { text in
        ceiling_json(
          text.baseAddress?.assumingMemoryBound(to: CChar.self), text.count - 64, text.count)
      }
      guard sum > 0 else { throw BenchmarkError.failed("simdjson could not read the text") }
    }
  }
  guard tokens == trace.tokens else { throw BenchmarkError.differs("tokens written and imported") }
  return row
}

/// A request as the data set writes it: the prompt's layers, then an entry a decoded token. Three
/// dense layers stand before those that route, as in DeepSeek-V3.
private func selectionTrace(_ request: RequestTrace, shape: TraceShape) -> [UInt8] {
  let dense = 3
  let tokens = request.ids.count / shape.idsPerToken
  func entry(_ range: Range<Int>) -> String {
    var layers = (0..<dense).map { "\"\($0)\": null" }
    for layer in 0..<shape.layers {
      let rows = range.map { token in
        let at = (token * shape.layers + layer) * shape.topK
        return "[" + request.ids[at..<at + shape.topK].map(String.init).joined(separator: ", ")
          + "]"
      }
      layers.append("\"\(layer + dense)\": [" + rows.joined(separator: ", ") + "]")
    }
    return "{" + layers.joined(separator: ", ") + "}"
  }
  let entries =
    [entry(0..<request.prefill)] + (request.prefill..<tokens).map { entry($0..<$0 + 1) }
  return Array(("[" + entries.joined(separator: ", ") + "]").utf8)
}

/// A folder of its own for a benchmark's files.
struct TemporaryFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/moecast-bench-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw BenchmarkError.failed("no temporary folder could be made")
    }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  func write(_ bytes: [UInt8], to name: String) throws {
    let file = try FileDescriptor.open(
      FilePath(path + "/" + name), .writeOnly, options: [.create, .truncate],
      permissions: [.ownerReadWrite])
    try file.closeAfter { _ = try file.writeAll(bytes) }
  }

  /// Removes the folder and the files in it.
  func remove() {
    guard let folder = opendir(path) else { return }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { unlink(path + "/" + name) }
    }
    closedir(folder)
    rmdir(path)
  }
}
