import ArgumentParser
import RoutingTrace
import TraceImport

/// `moecast import`: foreign traces to chunks.
struct Import: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Converts other programs' routing traces to a moecast trace, or writes one anew.",
    discussion: """
      Formats:
      \(ForeignFormat.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))

      Shapes:
        \(ModelShape.known.map(\.name).joined(separator: ", "))

      The files of a folder, at any depth, are read in natural order of their paths: 2.json before \
      10.json. Each request is checked whole; after an error nothing is written.

      Without --shape and --experts the inputs are moecast traces, which are written anew as one \
      in the usual frames, however they were compressed, split or joined: chunk by chunk, or cut \
      anew by --chunk-tokens, and under another name by --model.

      Examples:
        moecast import --shape llama-4-maverick -o mmlu.moe.lz4 llama4-maverick-mmlu
        curl $URL | moecast import --shape llama-4-maverick -o - - \\
          | moecast train - --model M.h5
        moecast import -o usual.moe.lz4 recompressed.moe.lz4
      """)

  @Option(help: "The format of all inputs, or auto to guess it from the contents.")
  var format = "auto"

  @Option(help: "The model that was traced: gives MoE layers, experts and top-k.")
  var shape: String?

  @Option(help: "Experts of a MoE layer, where the model's shape is not known.")
  var experts: Int?

  @Option(help: "Experts a token takes, with --experts, where the files do not say so (esft).")
  var topK: Int?

  @Option(help: "Tokens of every prompt, where the files do not say so (vllm-npy).")
  var prefill: Int?

  @Option(help: "The model's name for the trace's header; the shape's name if not given.")
  var model = ""

  @Option(name: .shortAndLong, help: "The trace to write, or - for standard output.")
  var output: String

  @Option(
    help: """
      Tokens a chunk, 4096 unless given; fewer where they would take more than 256 MiB. Chunks \
      of a moecast trace stay as they are unless it is given.
      """)
  var chunkTokens: Int?

  @Option(help: "LZ4 level: 0 is fastest, 12 smallest.")
  var level = 0

  @Flag(help: "Leave gate weights out, where the source has them.")
  var noWeights = false

  @OptionGroup var force: ForceOption

  @Flag(help: "Print the summary as JSON.")
  var json = false

  @Argument(help: "Files and folders, or - for standard input, which is one file.")
  var inputs: [String]

  func validate() throws {
    if format != "auto", ForeignFormat(named: format) == nil {
      throw ValidationError(
        "--format \(format) is not known; one of auto, "
          + ForeignFormat.names.joined(separator: ", "))
    }
    if let shape, ModelShape.named(shape) == nil {
      throw ValidationError(
        "--shape \(shape) is not known; one of "
          + ModelShape.known.map(\.name).joined(separator: ", ") + ", or use --experts")
    }
    if shape != nil, experts != nil {
      throw ValidationError("give either --shape NAME or --experts E")
    }
    if isRewriting, let option = optionsOfForeignTraces.first {
      throw ValidationError(
        "\(option) is for other programs' traces, which need --shape NAME or --experts E too")
    }
    if let problem = TraceShape.problem(ofName: model) {
      throw ValidationError("--model: the shape \(problem)")
    }
    if let prefill, prefill < 0 { throw ValidationError("--prefill is a number from 0") }
    if let topK, !(1...64).contains(topK) { throw ValidationError("--top-k is from 1 to 64") }
    if let chunkTokens, !(1...1_048_576).contains(chunkTokens) {
      throw ValidationError("--chunk-tokens is from 1 to 1048576")
    }
    if !(0...12).contains(level) { throw ValidationError("--level is from 0 to 12") }
  }

  /// Whether the inputs are moecast traces: they tell their shape themselves.
  private var isRewriting: Bool { shape == nil && experts == nil }

  /// The options given that mean nothing for a moecast trace.
  private var optionsOfForeignTraces: [String] {
    [
      format == "auto" ? nil : "--format", topK == nil ? nil : "--top-k",
      prefill == nil ? nil : "--prefill",
    ].compactMap(\.self)
  }

  func run(printing standardOutput: inout StandardOutput) throws {
    let start = ContinuousClock.now
    if isRewriting { return try rewrite(since: start, printing: &standardOutput) }
    var importer = try TraceImporter(
      inputs, format: ForeignFormat(named: format),
      options: ImportOptions(
        model: shape.flatMap(ModelShape.named), experts: experts, topK: topK, modelName: model,
        prefill: prefill))
    let sink = try OutputSink(output, .trace(inputs: importer.paths, force: force))
    let summary = try write(&importer, to: sink)
    try sink.commit()
    try report(summary, shape: importer.shape, since: start, printing: &standardOutput)
  }

  /// Writes moecast traces anew.
  private func rewrite(
    since start: ContinuousClock.Instant, printing standardOutput: inout StandardOutput
  ) throws {
    var rewrite: TraceRewrite
    do {
      rewrite = try TraceRewrite(
        inputs, chunkTokens: chunkTokens, readsWeights: !noWeights,
        model: model.isEmpty ? nil : model)
    } catch let error as TraceError where error.kind == .notATrace {
      throw ValidationError(visible("\(error)"))
    }
    let sink = try OutputSink(output, .trace(inputs: rewrite.files, force: force))
    var bar = ProgressBar(total: rewrite.size)
    defer { bar.clear() }
    try rewrite.write(to: sink, level: level) { bar.update($0) }
    try sink.commit()
    bar.clear()
    complain(of: rewrite.remarks)
    let summary = ImportSummary(
      format: "moecast", guessed: false, files: rewrite.files.count, filesPassedOver: 0,
      requests: rewrite.requests, tokens: rewrite.tokens,
      events: rewrite.tokens * rewrite.shape.layers, weights: rewrite.isWeighted,
      chunks: rewrite.chunks, bytesIn: rewrite.bytesRead, bytesOut: rewrite.bytesWritten)
    try report(summary, shape: rewrite.shape, since: start, printing: &standardOutput)
  }

  private func write(
    _ importer: inout TraceImporter, to sink: OutputSink
  ) throws -> ImportSummary {
    let names = inputs.map { visible($0.split(separator: "/").last.map(String.init) ?? $0) }
    // A folder's name says enough; of many files the first and the last do.
    let source =
      names.count <= 3
      ? names.joined(separator: ", ")
      : "\(names[0]) to \(names[names.count - 1]), \(names.count) inputs"
    let header = TraceHeader(
      shape: importer.shape,
      provenance: ["format": importer.format.name, "source": source])
    var writer = try TraceWriter(
      sink, header: header, chunkTokens: chunkTokens ?? 4096, level: level)
    var bar = ProgressBar(total: importer.totalBytes)
    defer { bar.clear() }
    while var request = try importer.next() {
      if noWeights { request.weights = nil }
      try writer.append(request)
      bar.update(importer.bytesRead)
    }
    try writer.finish()
    return ImportSummary(
      format: importer.format.name, guessed: importer.isGuessed, files: importer.files,
      filesPassedOver: importer.passedOver, requests: importer.requests, tokens: importer.tokens,
      events: importer.tokens * importer.shape.layers, weights: importer.isWeighted && !noWeights,
      chunks: writer.index.offsets.count, bytesIn: importer.bytesRead,
      bytesOut: writer.bytesWritten)
  }

  private func report(
    _ summary: ImportSummary, shape: TraceShape, since start: ContinuousClock.Instant,
    printing standardOutput: inout StandardOutput
  ) throws {
    var summary = summary
    summary.seconds = start.duration(to: .now) / .seconds(1)
    summary.megabytesPerSecond = Double(summary.bytesIn) / 1e6 / max(summary.seconds, 1e-9)
    let text = json ? try moecast.json(summary) : visible("\(summary); \(shape)")
    // Standard output may carry the trace itself.
    if output == StandardStream.dash {
      complain(text, keepingLines: json)
    } else {
      standardOutput.text(text)
    }
  }
}

/// What an import came to; the keys of `--json`.
struct ImportSummary: Encodable, CustomStringConvertible {
  var format: String
  var guessed: Bool
  var files: Int
  var filesPassedOver: Int
  var requests: Int
  var tokens: Int
  var events: Int
  var weights: Bool
  var chunks: Int
  var bytesIn: Int
  var bytesOut: Int
  var seconds = 0.0
  var megabytesPerSecond = 0.0

  enum CodingKeys: String, CodingKey {
    case format, guessed, files, requests, tokens, events, weights, chunks, seconds
    case filesPassedOver = "files_passed_over"
    case bytesIn = "bytes_in"
    case bytesOut = "bytes_out"
    case megabytesPerSecond = "megabytes_per_second"
  }

  /// One line for people.
  var description: String {
    var text = "\(format)\(guessed ? " (guessed)" : ""): \(requests) requests, \(tokens) tokens, "
    text += "\(events) events in \(chunks) chunks; \(decimals(Double(bytesIn) / 1e6, 1)) MB in, "
    text += "\(decimals(Double(bytesOut) / 1e6, 1)) MB out, "
    text += "\(decimals(megabytesPerSecond, 1)) MB/s"
    if filesPassedOver > 0 { text += "; \(filesPassedOver) other files passed over" }
    return text
  }
}
