import CCeilings
import LZ4Frame
import RoutingTrace
import TraceImport

/// What serving engines write, from the page cache to chunks in memory: JSON beside simdjson's own walk
/// over the same text in memory, arrays beside a memory copy of the ids.
func imports(_ rounds: Rounds) throws -> [ResultRow] {
  let large = try SyntheticTrace(
    "import", layers: 58, experts: 256, topK: 8, chunks: 2, chunkTokens: 4096)
  let small = try SyntheticTrace(
    "import", layers: 24, experts: 32, topK: 4, chunks: 2, chunkTokens: 4096)
  return [
    try row(
      "paper's JSON", large, "deepseek-v3", .paperJSON, suffix: ".json", rounds,
      ceiling: "simdjson on demand, every number read", ceiling_json, encode: selectionTrace),
    try row(
      "GPT-OSS JSON with gate weights", small, "gpt-oss-20b", .gptOSS, suffix: ".json", rounds,
      ceiling: "simdjson on demand, every number read", ceiling_json_fingerprint,
      encode: fingerprint),
    try row(
      "NPZ, stored", large, "deepseek-v3", .npz, suffix: ".npz", prefill: 64, rounds,
      ceiling: nil, nil, encode: archive),
    try row(
      "NPY", large, "deepseek-v3", .vllmNPY, suffix: ".npy", prefill: 64, rounds,
      ceiling: nil, nil, encode: array),
  ]
}

private func row(
  _ what: String, _ trace: SyntheticTrace, _ model: String, _ format: ForeignFormat,
  suffix: String, prefill: Int? = nil, _ rounds: Rounds, ceiling: String?,
  _ walk: ((UnsafePointer<CChar>?, Int, Int) -> Int)?,
  encode: (RequestTrace, TraceShape) -> [UInt8]
) throws -> ResultRow {
  let folder = try TemporaryFolder()
  defer { folder.remove() }
  // simdjson reads 64 bytes beyond a text.
  let padding = 64
  var texts: [[UInt8]] = []
  for (index, request) in tokenMajor(trace).enumerated() {
    let text = encode(request, trace.shape)
    try folder.write(text, to: "\(index)\(suffix)")
    texts.append(text + [UInt8](repeating: 0, count: padding))
  }
  let bytes = texts.reduce(0) { $0 + $1.count - padding }
  var tokens = 0
  let importing = {
    var importer = try TraceImporter(
      [folder.path], format: format,
      options: ImportOptions(model: .named(model), prefill: prefill))
    var writer = try TraceWriter(MemorySink(), header: TraceHeader(shape: importer.shape))
    while let request = try importer.next() { try writer.append(request) }
    try writer.finish()
    tokens = importer.tokens
  }
  let walking = {
    guard let walk else { return }
    for text in texts {
      let sum = text.withUnsafeBytes { text in
        walk(
          text.baseAddress?.assumingMemoryBound(to: CChar.self), text.count - padding, text.count)
      }
      guard sum > 0 else { throw BenchmarkError.failed("simdjson could not read the text") }
    }
  }
  let seconds = try rounds.medians([importing, walking])
  guard tokens == trace.tokens else { throw BenchmarkError.differs("tokens written and imported") }
  let megabytes = Double(bytes) / 1e6
  return ResultRow(
    what: "\(what) to chunks, \(bytes / texts.count / 1000) KB a file", unit: "MB/s",
    ours: megabytes / seconds[0], ceiling: ceiling.map { _ in megabytes / seconds[1] },
    ceilingName: ceiling ?? "")
}
