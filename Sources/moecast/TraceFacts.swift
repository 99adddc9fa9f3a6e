import RoutingTrace

/// What `inspect` tells of a trace; the keys of `--json`.
struct TraceFacts: Encodable, CustomStringConvertible {
  struct Shape: Encodable {
    var model: String
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
  var requests = 0
  var tokens = 0
  var stages: [String: Int] = [:]
  var tasks: [String: Int] = [:]
  var chunks = 0
  /// Compressed bytes read, and bytes of ids and weights as they are used.
  var bytes = 0
  var weights = false
  /// Whether everything that was read is as it was written.
  var intact = true
  /// Whether the index at the end is there.
  var complete = false
  /// What is damaged, where something is.
  var damage: String?
  private let summary: String

  enum CodingKeys: String, CodingKey {
    case kind, shape, provenance, requests, tokens, stages, tasks, chunks, bytes, weights, intact
    case complete, damage
  }

  /// Reads the whole trace.
  ///
  /// - Throws: ``TraceError`` where it cannot be opened or is no trace; damage further on is told,
  ///   not thrown.
  init(of file: String) throws {
    let source = try TraceFile(file)
    var reader = try TraceReader(source, name: source.name)
    try self.init(of: &reader, size: source.size) { _ in }
  }

  /// Reads all that `reader` gives.
  ///
  /// - Parameters:
  ///   - size: bytes of the whole, or nil where nobody knows.
  ///   - body: called with every intact block; what it throws ends the reading.
  init(
    of reader: inout TraceReader<TraceFile>, size: Int?, body: (TokenBlock) throws -> Void
  ) throws {
    let shape = reader.header.shape
    summary = shape.description
    self.shape = Shape(shape)
    provenance = reader.header.provenance
    var bar = ProgressBar(total: size)
    defer { bar.clear() }
    while true {
      let chunk: TraceChunk?
      do {
        chunk = try reader.next()
      } catch let error as TraceError where error.kind != .access {
        intact = false
        damage = error.description
        break
      }
      guard let chunk else {
        complete = reader.index != nil
        break
      }
      add(chunk.block)
      try body(chunk.block)
      bar.update(reader.bytesRead)
    }
    bytes = reader.bytesRead
  }

  private mutating func add(_ block: TokenBlock) {
    chunks += 1
    tokens += block.tokens
    weights = weights || block.weights != nil
    for run in block.runs {
      stages[run.stage.name, default: 0] += run.count
      if run.begins { requests += 1 }
    }
    for label in block.labels where !label.task.isEmpty { tasks[label.task, default: 0] += 1 }
  }

  var description: String {
    var lines = ["trace       \(visible(summary))"]
    lines.append(
      "model layers " + (shape.modelLayers.first.map(String.init) ?? "") + " to "
        + (shape.modelLayers.last.map(String.init) ?? ""))
    lines.append("requests    \(grouped(requests))")
    let byStage = stages.sorted { $0.key > $1.key }.map { "\($0.key) \(grouped($0.value))" }
    lines.append("tokens      \(grouped(tokens)) (\(byStage.joined(separator: ", ")))")
    if !tasks.isEmpty {
      let counts = tasks.sorted { $0.key < $1.key }.map { "\(visible($0.key)) \($0.value)" }
      lines.append("tasks       " + counts.joined(separator: ", "))
    }
    lines.append("chunks      \(grouped(chunks)), \(moecast.bytes(bytes)) compressed")
    lines.append("weights     " + (weights ? "yes" : "no"))
    for (key, value) in provenance.sorted(by: { $0.key < $1.key }) {
      lines.append(visible(key).padding(to: 12) + visible(value))
    }
    let verdict =
      damage.map { "no: " + visible($0) }
      ?? (complete ? "yes" : "as far as it goes; no index at its end, it may have been cut short")
    lines.append("intact      " + verdict)
    return lines.joined(separator: "\n")
  }
}

extension String {
  /// The text followed by blanks to `width` columns, one at least.
  fileprivate func padding(to width: Int) -> String {
    self + String(repeating: " ", count: max(1, width - count))
  }
}
