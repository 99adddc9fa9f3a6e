import RoutingTrace

/// What `inspect` tells of a trace; the keys of `--json`.
struct TraceFacts: Encodable, Shown {
  /// What the header says of the traced model.
  struct Shape: Encodable {
    var model: String
    /// MoE layers in the trace, and the model's own numbers of them.
    var layers: Int
    var modelLayers: [Int]
    var experts: Int
    var topK: Int

    enum CodingKeys: String, CodingKey {
      case model, layers, experts
      case modelLayers = "model_layers"
      case topK = "top_k"
    }

    init(_ shape: TraceShape) {
      model = shape.model
      layers = shape.layers
      modelLayers = shape.modelLayers
      experts = shape.experts
      topK = shape.topK
    }
  }

  let kind = "trace"
  var shape: Shape
  var provenance: [String: String]
  var requests: Int
  var tokens: Int
  var stages: [String: Int] = [:]
  var tasks: [String: Int]
  var chunks: Int
  /// Compressed bytes read.
  var bytes: Int
  var weights: Bool
  /// How much was not recorded.
  var absent: AbsenceFacts
  /// Whether everything that was read is as it was written.
  var intact: Bool
  /// Whether the index at the end is there.
  var complete: Bool
  /// Whether every frame has a checksum of its content or its blocks.
  var checksums: Bool
  /// Whether every chunk is a frame of its own.
  var framePerChunk: Bool
  /// What is damaged, where something is.
  var damage: String?
  private let summary: String
  /// How long requests are, where that was looked at.
  private var lengths = RequestLengths()

  enum CodingKeys: String, CodingKey {
    case kind, shape, provenance, requests, tokens, stages, tasks, chunks, bytes, weights, absent
    case intact, complete, checksums, damage
    case framePerChunk = "frame_per_chunk"
  }

  /// Reads the whole trace, with a bar.
  ///
  /// - Throws: ``TraceError`` where it cannot be opened or is no trace; damage further on is told,
  ///   not thrown.
  init(of file: String) throws {
    let source = try TraceFile(file)
    var reader = try TraceReader(
      source, name: source.name, reading: TraceReading(framing: .any))
    var bar = ProgressBar(total: source.size)
    defer { bar.clear() }
    var lengths = RequestLengths()
    self.init(
      try TraceContents(of: &reader) { block, bytesRead in
        lengths.add(block)
        bar.update(bytesRead)
      })
    self.lengths = lengths
  }

  /// The facts of a trace that was read.
  init(_ contents: TraceContents) {
    summary = contents.header.shape.description
    shape = Shape(contents.header.shape)
    provenance = contents.header.provenance
    requests = contents.requests
    tokens = contents.tokens
    for (stage, count) in contents.stages { stages[stage.name] = count }
    tasks = contents.tasks
    chunks = contents.chunks
    bytes = contents.bytes
    weights = contents.isWeighted
    absent = AbsenceFacts(contents.absent)
    intact = contents.isIntact
    complete = contents.isComplete
    checksums = !contents.findings.lacksChecksums
    framePerChunk = !contents.findings.isRecut
    damage = contents.damage?.description
  }

  func lines(on terminal: Terminal) -> [Line] {
    var lines = ["trace       \(visible(summary))"]
    lines.append(
      "model layers " + (shape.modelLayers.first.map(String.init) ?? "") + " to "
        + (shape.modelLayers.last.map(String.init) ?? ""))
    lines.append("requests    \(grouped(requests))")
    if terminal.width != nil, let text = lengths.text { lines.append("lengths     \(text)") }
    let byStage = stages.sorted { $0.key > $1.key }.map { "\($0.key) \(grouped($0.value))" }
    lines.append("tokens      \(grouped(tokens)) (\(byStage.joined(separator: ", ")))")
    lines += taskLines
    lines.append("chunks      \(grouped(chunks)), \(moecast.bytes(bytes)) compressed")
    lines.append("weights     " + (weights ? "yes" : "no"))
    lines.append("absent      " + (absent.text ?? "nothing"))
    for (key, value) in provenance.sorted(by: { $0.key < $1.key }) {
      lines.append(visible(key).padding(to: 12) + visible(value))
    }
    if !(checksums && framePerChunk) {
      let what = [checksums ? nil : "without checksums", framePerChunk ? nil : "not a chunk each"]
      lines.append(
        "frames      " + what.compactMap(\.self).joined(separator: ", ")
          + "; `moecast import -o NEW.moe.lz4` writes the usual ones")
    }
    let limits = [
      checksums ? nil : "as far as its chunks' own rules tell",
      complete ? nil : "as far as it goes; no index at its end, it may have been cut short",
    ].compactMap(\.self)
    let verdict =
      damage.map { "no: " + visible($0) }
      ?? (limits.isEmpty ? "yes" : limits.joined(separator: ", "))
    return lines.map { Line($0) } + [Line("intact      " + verdict, damage == nil ? .plain : .red)]
  }

  /// Tasks that are told one by one; of more the most and the fewest are.
  private static let mostTasks = 12

  /// The tasks with their requests: a line, or two that sum them up.
  private var taskLines: [String] {
    func told(_ tasks: some Sequence<(key: String, value: Int)>) -> String {
      tasks.map { "\(visible($0.key)) \(grouped($0.value))" }.joined(separator: ", ")
    }
    guard !tasks.isEmpty else { return [] }
    guard tasks.count > Self.mostTasks else {
      return ["tasks       " + told(tasks.sorted { $0.key < $1.key })]
    }
    let ordered = tasks.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return [
      "tasks       \(grouped(tasks.count)), the most requests: \(told(ordered.prefix(4)))",
      "            the fewest: \(told(ordered.suffix(3))); --json has all",
    ]
  }
}

extension String {
  /// The text followed by blanks to `width` columns, one at least.
  fileprivate func padding(to width: Int) -> String {
    self + String(repeating: " ", count: max(1, width - count))
  }
}
