import ArgumentParser
import CVectorShims
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

      Inputs are files, folders, quoted patterns such as 'traces/*.json', archives (.zip, .tar, .tar.gz, \
      .tar.xz; nothing of them is written to disk) and standard input, which may hold several requests \
      behind one another. gzip and xz are inflated whatever files are called.

      Without --shape and --experts, the only known model that has the layers, top-k and experts of \
      the files is taken, or the number of experts that they tell; a line on standard error says so. \
      --list-shapes prints the known models. A shape of your own is a file, {"name": "my-moe", \
      "layers": 24, "moe_layers": [1, 3], "experts": 64, "top_k": 8}, or a model's config.json.

      Formats of counts alone, which become a load profile (-o PROFILE.h5) for analyze:
      \(CountsFormat.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))

      The files of a folder, at any depth, are read in natural order of their paths: 2.json before \
      10.json. Each request is checked whole; after an error nothing is written.

      Where nothing was recorded: -1, null, the number of experts, a list shorter than top-k and a \
      missing layer are empty slots; an event of nothing but expert 0 is empty too, and so is a \
      token whose experts count up from 0 in every layer. What is empty stays in the trace, is \
      passed over by every predictor, and is counted here and by inspect. Layers that hold nothing \
      else are dense. Tokens without a route at the end of a request are left out, and so are \
      requests without any. A recording without a route, or with a layer that never changes its \
      choice, is refused.

      moecast traces as inputs are written anew as one in the usual frames, however they were compressed, split or joined: chunk by chunk, or cut \
      anew by --chunk-tokens, and under another name by --model-name.

      Examples:
        moecast import -o mmlu.moe.lz4 llama4-maverick-mmlu.tar.xz
        curl $URL | moecast import --shape llama-4-maverick -o - - \\
          | moecast train - -o M.h5
        moecast import -o usual.moe.lz4 recompressed.moe.lz4
      """)

  @Option(help: "The format of all inputs, or auto to guess it from the contents.")
  var format = "auto"

  @Option(
    help: "The model that was traced, a name or a JSON file: gives MoE layers, experts and top-k.",
    completion: .list(ModelShape.names))
  var shape: String?

  @Flag(help: "Print the models whose shapes are known, and do nothing else.")
  var listShapes = false

  @Option(help: "Experts of a MoE layer, where the model's shape is not known.")
  var experts: Int?

  @Option(help: "Experts a token takes, with --experts, where the files do not say so (esft).")
  var topK: Int?

  @Option(help: "Tokens of every prompt, where the files do not say so (vllm-npy).")
  var prefill: Int?

  @Option(
    name: [.customLong("model-name"), .customLong("model")],
    help: ArgumentHelp(
      "The model's name for the trace's header; the shape's name if not given.", valueName: "name"))
  var model = ""

  @Option(
    name: .shortAndLong, help: "The trace to write, or - for standard output.",
    completion: .file())
  var output = ""

  @Option(
    help: """
      Tokens a chunk, 4096 unless given; fewer where they would take more than 256 MiB. Chunks \
      of a moecast trace stay as they are unless it is given.
      """)
  var chunkTokens: Int?

  @Option(help: "LZ4 level: 0 is fastest, 12 smallest.")
  var level = 0

  @Flag(help: "Leave gate weights out without looking at them.")
  var noWeights = false

  @Flag(help: "Believe layers that never change their choice, and tokens that count up from 0.")
  var keepConstant = false

  @Flag(
    help: "Leave out the identical tokens at the beginning, as an engine's warm-up writes them.")
  var dropWarmUp = false

  @Flag(
    help: """
      The inputs, or the files of the one folder, hold other layers of the same requests, as of one \
      rank or layer each: join them, once their tokens are seen to correspond.
      """)
  var join = false

  @OptionGroup var force: ForceOption

  @Flag(help: "Print the summary as JSON.")
  var json = false

  @Argument(
    help: "Files, folders, archives, patterns, or - for standard input.", completion: .file())
  var inputs: [String] = []

  func validate() throws {
    guard !listShapes else {
      guard inputs.isEmpty, output.isEmpty else {
        throw ValidationError("--list-shapes does nothing else: leave inputs and -o out")
      }
      return
    }
    if inputs.isEmpty { throw ValidationError("name the files or folders to import, or -") }
    if output.isEmpty { throw ValidationError("give the trace to write: -o TRACE.moe.lz4") }
    if format != "auto", ForeignFormat(named: format) == nil, CountsFormat(named: format) == nil {
      throw ValidationError(
        "--format \(format) is not known; one of auto, "
          + (ForeignFormat.names + CountsFormat.names).joined(separator: ", ")
          + meant(format, among: ForeignFormat.names + CountsFormat.names))
    }
    if let shape, !isFile(shape), ModelShape.named(shape) == nil {
      throw ValidationError(
        "--shape \(shape) is not known\(nearShapes(shape) ?? ""); --list-shapes prints those that are, or name a JSON file "
          + "with a shape, or use --experts")
    }
    if shape != nil, experts != nil {
      throw ValidationError("give either --shape NAME or --experts E")
    }
    if join, shape == nil, experts == nil {
      throw ValidationError(
        "--join needs --shape NAME or --experts E: each part has some of the layers only, which tell "
          + "no model")
    }
    if let problem = TraceShape.problem(ofName: model) {
      throw ValidationError("--model-name: the shape \(problem)")
    }
    if let prefill, prefill < 0 { throw ValidationError("--prefill is a number from 0") }
    if let topK, !(1...64).contains(topK) { throw ValidationError("--top-k is from 1 to 64") }
    if let chunkTokens, !(1...1_048_576).contains(chunkTokens) {
      throw ValidationError("--chunk-tokens is from 1 to 1048576")
    }
    if !(0...12).contains(level) { throw ValidationError("--level is from 0 to 12") }
  }

  /// Whether a shape is a file's path rather than a name.
  private func isFile(_ shape: String) -> Bool {
    shape.hasSuffix(".json") || shape.contains("/") && ModelShape.named(shape) == nil
  }

  /// Whether nothing is said that only other programs' traces need.
  private var mayRewrite: Bool {
    shape == nil && experts == nil && format == "auto" && topK == nil && prefill == nil
      && !keepConstant && !dropWarmUp && !join
  }

  func run(printing standardOutput: inout StandardOutput) throws {
    if listShapes { return try standardOutput.report(json, knownShapes, knownShapes) }
    let start = ContinuousClock.now
    if let summary = try importProfile(since: start) {
      return try tell(summary, description: summary.description, printing: &standardOutput)
    }
    if mayRewrite, let traces = try tracesToRewrite() {
      return try rewrite(traces, since: start, printing: &standardOutput)
    }
    // Requests are megabytes that come and go: asking the kernel for each again takes a tenth of an
    // import.
    allocator_keep(64 << 20)
    var importer = try TraceImporter(
      inputs, format: ForeignFormat(named: format), options: try importOptions)
    if let proposal = importer.proposal { complain("moecast: the shape is \(proposal)") }
    let sink = try OutputSink(
      output, .trace(inputs: importer.pathsOnDisk, force: force), isBinary: true)
    let summary = try write(&importer, to: sink)
    try sink.commit()
    try report(summary, shape: importer.shape, since: start, printing: &standardOutput)
  }

  /// What the user says of foreign sources.
  var importOptions: ImportOptions {
    get throws {
      let given = try shape.map { isFile($0) ? try ShapeFile($0).model : ModelShape.named($0) }
      return ImportOptions(
        model: given ?? nil, experts: experts, topK: topK, modelName: model, prefill: prefill,
        readsWeights: !noWeights, keepsConstant: keepConstant, dropsWarmUp: dropWarmUp,
        joins: join)
    }
  }

  /// The inputs as moecast traces; nil where they are another program's and can be read again.
  private func tracesToRewrite() throws -> TraceRewrite? {
    do {
      return try TraceRewrite(
        inputs, chunkTokens: chunkTokens, readsWeights: !noWeights,
        model: model.isEmpty ? nil : model)
    } catch let error as TraceError where error.kind == .notATrace {
      guard inputs.contains(StandardStream.dash) else { return nil }
      throw ValidationError(
        visible("\(error)")
          + "; of another program's trace on standard input give --format, --shape "
          + "or --experts")
    }
  }

  /// Writes moecast traces anew.
  private func rewrite(
    _ traces: consuming TraceRewrite, since start: ContinuousClock.Instant,
    printing standardOutput: inout StandardOutput
  ) throws {
    var rewrite = traces
    let sink = try OutputSink(output, .trace(inputs: rewrite.files, force: force), isBinary: true)
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
      chunks: rewrite.chunks, bytesIn: rewrite.bytesRead, bytesOut: rewrite.bytesWritten,
      omissions: ImportOmissions(absent: rewrite.absent), warmUpDropped: false, remarks: [])
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
    while let request = try importer.next() {
      try writer.append(request)
      bar.update(importer.bytesRead)
    }
    try writer.finish()
    return ImportSummary(
      format: importer.format.name, guessed: importer.isGuessed, files: importer.files,
      filesPassedOver: importer.passedOver, requests: importer.requests, tokens: importer.tokens,
      events: importer.tokens * importer.shape.layers, weights: importer.isWeighted,
      chunks: writer.index.offsets.count, bytesIn: importer.bytesRead,
      bytesOut: writer.bytesWritten, omissions: importer.omissions, warmUpDropped: dropWarmUp,
      remarks: importer.remarks)
  }

  private func report(
    _ summary: ImportSummary, shape: TraceShape, since start: ContinuousClock.Instant,
    printing standardOutput: inout StandardOutput
  ) throws {
    var summary = summary
    summary.seconds = start.duration(to: .now) / .seconds(1)
    summary.megabytesPerSecond = Double(summary.bytesIn) / 1e6 / max(summary.seconds, 1e-9)
    for note in summary.notes { complain("moecast: \(note)") }
    try tell(summary, description: "\(summary); \(shape)", printing: &standardOutput)
  }

  /// Prints a summary where it does not come between the bytes of the output.
  private func tell(
    _ summary: some Encodable, description: String, printing standardOutput: inout StandardOutput
  ) throws {
    let text = json ? try moecast.json(summary) : visible(description)
    // Standard output may carry the trace itself.
    if output == StandardStream.dash {
      complain(text, keepingLines: json)
    } else {
      standardOutput.text(text)
    }
  }
}
