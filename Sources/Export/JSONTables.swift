import Counting
import FoundationEssentials
import Prequential
import RoutingTrace

/// One JSON document of a model's tables, for programs without NumPy or HDF5.
public enum JSONTables: TableExporter {
  /// The format on the command line.
  public static let name = "json"

  /// What stands in the file, for people.
  public static let summary = """
    one JSON document: model, experts, top_k, model_layers, predictors, facts (what was learnt), tables (frequency [layer][expert], \
    layer-markov and token-markov [layer][given expert][expert], counts), metrics by predictor, layer \
    and stage; layers in the order of model_layers.
    """

  /// How its outputs end.
  public static let suffixes = [".json"]

  private static let beginning = "{\"moecast_tables\": 1,\n"

  /// By its first key.
  public static func mayBegin(_ head: [UInt8], of file: String) -> Bool {
    head.starts(with: Array(beginning.utf8))
  }

  /// Writes a learner's tables; see ``TableExporter``.
  public static func write(
    _ learner: Learner, _ settings: ExportSettings, to output: any ExportOutput
  ) throws {
    let sink: (UnsafeRawBufferPointer) throws -> Void = {
      try output.write($0, to: ExportFile.output)
    }
    try output.write(Array(beginning.utf8))
    var lines = TextLines()
    let shape = learner.shape
    lines.add("\"model\": \(try text(shape.model)),")
    lines.add("\"experts\": \(shape.experts), \"top_k\": \(shape.topK),")
    lines.add("\"model_layers\": \(list(shape.modelLayers)),")
    lines.add("\"predictors\": [\(try learner.predictors.map(text).joined(separator: ", "))],")
    lines.add("\"facts\": {")
    let facts = ModelFacts(learner).ofLearning
    for (index, fact) in facts.enumerated() {
      let comma = index + 1 < facts.count ? "," : "},"
      lines.add("\(try text(fact.name)): \(try text(fact.value))\(comma)")
    }
    lines.add("\"tables\": {\"frequency\": [")
    try add(learner.layers.map(\.counts.frequency), to: &lines, sink) { list($0) }
    for table in PairTable.kept(of: learner) {
      lines.add("], \"\(table.name)\": [")
      try add(table.layers, to: &lines, sink) { layer in
        let rows = stride(from: 0, to: layer.count, by: shape.experts).map {
          list(layer[$0..<$0 + shape.experts])
        }
        return "[\(rows.joined(separator: ",\n"))]"
      }
    }
    lines.add("]}, \"metrics\": [")
    try add(ModelMetrics.all(of: learner), to: &lines, sink) { figure in
      let name = (try? text(figure.predictor)) ?? "\"\""
      return "{\"predictor\": \(name), \"layer\": \(figure.layer), "
        + "\"stage\": \"\(figure.stage.name)\", \"events\": \(figure.score.events), "
        + "\"recall_at_k\": \(figure.recallAtK), \"log_loss_bits\": \(figure.logLossBits)}"
    }
    lines.add("]}")
    try lines.flush(beyond: 0, to: sink)
  }

  /// Adds the elements of a list, a line each.
  private static func add<Element>(
    _ elements: [Element], to lines: inout TextLines,
    _ sink: (UnsafeRawBufferPointer) throws -> Void, _ text: (Element) -> String
  ) throws {
    for (index, element) in elements.enumerated() {
      lines.add(text(element) + (index + 1 < elements.count ? "," : ""))
      try lines.flush(to: sink)
    }
  }

  /// Whole numbers as a list.
  private static func list(_ values: some Sequence<some BinaryInteger>) -> String {
    "[\(values.map(\.description).joined(separator: ","))]"
  }

  /// A text as JSON has it.
  private static func text(_ text: String) throws -> String {
    String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
  }
}
