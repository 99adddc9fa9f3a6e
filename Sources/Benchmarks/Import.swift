import CReferenceKernels
import CVectorShims
import LZ4Frame
import RoutingTrace
import TraceImport

/// What serving engines write, from the page cache to chunks in memory: texts beside a walk over
/// the same text that reads every number, arrays beside their turning into compressed columns.
func imports(_ rounds: Rounds) throws -> [ResultRow] {
  // As `moecast import` does.
  allocator_keep(64 << 20)
  let large = try SyntheticTrace(
    "import", layers: 58, experts: 256, topK: 8, chunks: 2, chunkTokens: 4096)
  let small = try SyntheticTrace(
    "import", layers: 24, experts: 32, topK: 4, chunks: 2, chunkTokens: 4096)
  let lite = try SyntheticTrace(
    "import", layers: 26, experts: 64, topK: 6, chunks: 2, chunkTokens: 4096)
  let simdjson = "simdjson on demand, every number read"
  let plain = "C, a byte at a time, every number read"
  func each(
    _ trace: SyntheticTrace, _ suffix: String,
    _ encode: (RequestTrace, TraceShape) throws -> [UInt8]
  ) rethrows -> [ForeignFile] {
    try tokenMajor(trace).enumerated().map {
      ForeignFile(name: "\($0)\(suffix)", bytes: try encode($1, trace.shape))
    }
  }
  func row(
    _ what: String, _ trace: SyntheticTrace, _ model: String, _ format: ForeignFormat,
    _ files: [ForeignFile], sidecars: [ForeignFile] = [], prefill: Int? = nil,
    _ ceiling: any ImportCeiling
  ) throws -> ResultRow {
    try importing(
      what, trace, files: files, sidecars: sidecars, format: format,
      options: ImportOptions(model: .named(model), prefill: prefill), ceiling: ceiling, rounds)
  }
  func numbers(
    _ name: String, _ files: [ForeignFile], _ walk: @escaping NumberReading.Walk
  ) -> NumberReading {
    NumberReading(name, files.map(\.bytes), walk)
  }

  let paper = each(large, ".json") { selectionTrace($0, $1) }
  let indented = each(large, ".json") { selectionTrace($0, $1, indent: 4) }
  let prints = each(small, ".json", fingerprint)
  let tables = each(lite, ".csv") { expertTable($0, $1, firstLayer: 1) }
  let logs = each(lite, ".jsonl") { routingLog($0, $1, firstLayer: 1) }
  let answers = each(large, ".json", routedAnswer)
  let requests = tokenMajor(lite)
  let scores = (0..<lite.shape.layers).map { layer in
    ForeignFile(
      name: "expert_weights_\(layer + 1).txt",
      bytes: expertScores(requests, lite.shape, layer: layer))
  }
  let records = try importsOfRecords(lite, answers: large, rounds)
  let archives = try each(large, ".npz", archive)
  let full = try each(large, ".npz", fullArchive)
  let arrays = each(large, ".npy", array)
  let sidecars = arrays.indices.map {
    ForeignFile(name: "\($0).json", bytes: Array("{\"input_token_count\": 64}".utf8))
  }
  func turning(
    _ files: [ForeignFile], _ arrays: [ArrayTurning.Array], checksums: Bool
  ) -> ArrayTurning {
    ArrayTurning(
      files.map(\.bytes), large, arrays: arrays, dense: denseLayers, checksums: checksums)
  }
  let ids = ArrayTurning.Array(offset: zipHeader("routed_experts.npy") + npyHeader)
  let elements =
    SyntheticTrace.requestTokens * (denseLayers + large.shape.layers) * large.shape.topK
  let gates = ArrayTurning.Array(
    offset: ids.offset + elements + zipHeader("routing_weights.npy") + npyHeader, width: 2)
  let alone = ArrayTurning.Array(offset: npyHeader)
  let batches = recordedBatches(of: tokenMajor(large), large.shape)
  return [
    try row(
      "paper's JSON", large, "deepseek-v3", .paperJSON, paper,
      numbers(simdjson, paper, ceiling_json)),
    try row(
      "paper's JSON, indented", large, "deepseek-v3", .paperJSON, indented,
      numbers(simdjson, indented, ceiling_json)),
    try row(
      "GPT-OSS JSON with gate weights", small, "gpt-oss-20b", .gptOSS, prints,
      numbers(simdjson, prints, ceiling_json_fingerprint)),
    try row(
      "MoE-Beyond CSV", lite, "deepseek-v2-lite", .moeBeyond, tables,
      numbers(plain, tables, ceiling_lists)),
    try row(
      "ESFT scores with gate weights", lite, "deepseek-v2-lite", .esft, scores,
      numbers(plain, scores, ceiling_scores)),
    try row(
      "ESFT scores with gate weights", lite, "deepseek-v2-lite", .esft, scores,
      CeilingPair(
        first: numbers(plain, scores, ceiling_scores),
        second: ArrayTurning(lite, weighted: true))),
    try row(
      "vLLM routing logs with gate weights", lite, "deepseek-v2-lite", .vllmLogger, logs,
      numbers(simdjson + " line by line", logs) {
        ceiling_json_log($0, $1, $2, "topk_ids", "topk_weights")
      }),
    try row(
      "SGLang answers", large, "deepseek-v3", .sglangJSON, answers,
      numbers("simdjson, base64 by a table in C", answers, ceiling_json_answer)),
  ] + records + [
    try row(
      "NPZ, stored", large, "deepseek-v3", .npz, archives, prefill: 64,
      turning(archives, [ids], checksums: true)),
    try row(
      "NPZ with tokens and gate weights", large, "deepseek-v3", .npz, full,
      turning(full, [ids, gates], checksums: true)),
    try row(
      "NPY", large, "deepseek-v3", .vllmNPY, arrays, prefill: 64,
      turning(arrays, [alone], checksums: false)),
    try row(
      "NPY with sidecars", large, "deepseek-v3", .vllmNPY, arrays, sidecars: sidecars,
      turning(arrays, [alone], checksums: false)),
    try row(
      "SGLang's recorder", large, "deepseek-v3", .sglangRecorder,
      [ForeignFile(name: "recorder_0.pt", bytes: try recording(batches, large.shape))],
      BatchTurning(batches, large)),
  ]
}

/// What people's loggers write, one model's. Texts of few bytes an id stand beside reading and writing
/// too, since compressing ids takes as long as reading them.
private func importsOfRecords(
  _ lite: SyntheticTrace, answers large: SyntheticTrace, _ rounds: Rounds
) throws -> [ResultRow] {
  func row(
    _ what: String, _ format: ForeignFormat, _ suffix: String, _ ceilingName: String,
    _ encode: KeyPath<ForeignRecords, [UInt8]>, of trace: SyntheticTrace? = nil,
    then writing: (any ImportCeiling)? = nil, _ walk: @escaping NumberReading.Walk
  ) throws -> ResultRow {
    let trace = trace ?? lite
    let files = tokenMajor(trace).enumerated().map {
      ForeignFile(
        name: "\($0)\(suffix)",
        bytes: ForeignRecords(request: $1, shape: trace.shape)[keyPath: encode])
    }
    let reading = NumberReading(ceilingName, files.map(\.bytes), walk)
    return try importing(
      what, trace, files: files, sidecars: [], format: format,
      options: ImportOptions(experts: trace.shape.experts, topK: trace.shape.topK),
      ceiling: writing.map { CeilingPair(first: reading, second: $0) } ?? reading, rounds)
  }
  let simdjson = "simdjson on demand, every number read"
  let plain = "C, a byte at a time, every number read"
  let base64 = "simdjson, base64 by a table in C"
  return [
    try row("moe-cache-lab JSON lines", .moeCacheLab, ".jsonl", simdjson, \.cacheLab) {
      ceiling_json_log($0, $1, $2, "selected_experts", "selected_probabilities")
    },
    try row("Megatron-core router traces", .megatron, ".jsonl", simdjson, \.megatron) {
      ceiling_json_lists($0, $1, $2, nil, "top_indices")
    },
    try row("llama.cpp table, a row a choice", .llamaCSV, ".csv", plain, \.llamaChoices) {
      text, length, _ in ceiling_fields(text, length, 1, 4)
    },
    try row("llama.cpp table, a row an event", .llamaCSV, ".csv", plain, \.llamaEvents) {
      text, length, _ in ceiling_fields(text, length, 0, 2)
    },
    try row(
      "llama.cpp table, a row an event", .llamaCSV, ".csv", plain, \.llamaEvents,
      then: ArrayTurning(lite)
    ) { text, length, _ in ceiling_fields(text, length, 0, 2) },
    try row("llama.cpp records", .llamaBinary, ".bin", "C, every number read", \.llamaRecords) {
      text, length, _ in ceiling_records(text, length)
    },
    try row("columns an expert", .expertColumns, ".csv", plain, \.expertColumns) {
      text, length, _ in ceiling_gates(text, length)
    },
    try row("OLMoE JSON lines", .olmoe, ".jsonl", simdjson, \.olmoe) {
      ceiling_json_lists($0, $1, $2, nil, "exp_ids")
    },
    try row("moe-routing-atlas JSON lines", .atlas, ".jsonl", simdjson, \.atlas) {
      ceiling_json_atlas($0, $1, $2)
    },
    try row("GLM export JSON", .glmExport, ".json", simdjson, \.glmExport) {
      ceiling_json_lists($0, $1, $2, "layers", "executed_topk")
    },
    try row("vLLM answers", .vllmJSON, ".json", base64, \.answer, of: large) {
      ceiling_json_array($0, $1, $2)
    },
    try row(
      "vLLM answers", .vllmJSON, ".json", base64, \.answer, of: large,
      then: ArrayTurning(large)
    ) { ceiling_json_array($0, $1, $2) },
  ]
}

/// A file as another program writes it.
struct ForeignFile {
  var name: String
  var bytes: [UInt8]
}

/// - Parameters:
///   - files: what is imported, together all of `trace`.
///   - sidecars: read beside them; their bytes do not count.
private func importing(
  _ what: String, _ trace: SyntheticTrace, files: [ForeignFile], sidecars: [ForeignFile],
  format: ForeignFormat, options: ImportOptions, ceiling: any ImportCeiling, _ rounds: Rounds
) throws -> ResultRow {
  let folder = try TemporaryFolder()
  defer { folder.remove() }
  for file in files + sidecars { try folder.write(file.bytes, to: file.name) }
  let sink = ReusedSink()
  let seconds = try rounds.medians([
    {
      var importer = try TraceImporter([folder.path], format: format, options: options)
      var writer = try TraceWriter(sink.emptied(), header: TraceHeader(shape: importer.shape))
      while let request = try importer.next() { try writer.append(request) }
      try writer.finish()
    },
    { try ceiling.run() },
  ])
  try compare(sink.bytes, trace)
  try ceiling.compare(trace)
  let bytes = files.reduce(0) { $0 + $1.bytes.count }
  let megabytes = Double(bytes) / 1e6
  return ResultRow(
    what: "\(what) to chunks, \(bytes / files.count / 1000) KB a file", unit: "MB/s",
    ours: megabytes / seconds[0], ceiling: megabytes / seconds[1],
    ceilingName: ceiling.name)
}

/// Throws where what was imported is not `trace`.
private func compare(_ imported: [UInt8], _ trace: SyntheticTrace) throws {
  var reader = try TraceReader(MemorySource(imported), name: "imported")
  var chunks: [TraceChunk] = []
  while let chunk = try reader.next() { chunks.append(chunk) }
  guard chunks.map(\.block.ids) == trace.chunks.map(\.block.ids) else {
    throw BenchmarkError.differs("ids written and imported")
  }
}
