import Counting
import Forecast
import Prequential
import RoutingTrace

/// A folder of tables with a line a count that is not zero; layers are model layer numbers.
public enum CSVTables: TableExporter {
  /// The format on the command line.
  public static let name = "csv"

  /// What stands in the folder, for people.
  public static let summary = """
    a new folder of tables without blanks: frequency.csv, layer-markov.csv and token-markov.csv with \
    a line a count over 0, metrics.csv with what each predictor reached, facts.csv with shape, names \
    and what was learnt; layers by the model's numbers.
    """

  /// None: the output is a folder.
  public static let suffixes: [String] = []
  /// A folder.
  public static let target = ExportTarget.folder
  /// Never: nothing is replaced.
  public static func mayBegin(_ head: [UInt8], of file: String) -> Bool { false }

  /// Writes a learner's tables; see ``TableExporter``.
  public static func write(
    _ learner: Learner, _ settings: ExportSettings, to output: any ExportOutput
  ) throws {
    try write("facts", columns: "name,value", to: output) { line in
      for (name, value) in ModelFacts(learner).all { try line("\(name),\(quoted(value))") }
    }
    let (experts, numbers) = (learner.shape.experts, learner.shape.modelLayers)
    try write("frequency", columns: "layer,expert,count", to: output) { line in
      for (number, own) in zip(numbers, learner.layers) {
        for (expert, count) in own.counts.frequency.enumerated() where count > 0 {
          try line("\(number),\(expert),\(count)")
        }
      }
    }
    for table in PairTable.kept(of: learner) {
      try write(table.name, columns: "layer,given_layer,given_expert,expert,count", to: output) {
        line in
        for layer in table.back..<numbers.count {
          let place = "\(numbers[layer]),\(numbers[layer - table.back])"
          for (cell, count) in table.layers[layer].enumerated() where count > 0 {
            try line("\(place),\(cell / experts),\(cell % experts),\(count)")
          }
        }
      }
    }
    try write(
      "metrics", columns: "predictor,layer,stage,events,recall_at_k,log_loss_bits", to: output
    ) { line in
      for figure in ModelMetrics.all(of: learner) {
        try line(
          "\(quoted(figure.predictor)),\(figure.layer),\(figure.stage.name),\(figure.score.events),"
            + "\(figure.recallAtK),\(figure.logLossBits)")
      }
    }
  }

  /// Writes one table.
  private static func write(
    _ name: String, columns: String, to output: any ExportOutput,
    _ body: (_ line: (String) throws -> Void) throws -> Void
  ) throws {
    let file = name + ".csv"
    var lines = TextLines()
    lines.add(columns)
    try body { line in
      lines.add(line)
      try lines.flush { try output.write($0, to: file) }
    }
    try lines.flush(beyond: 0) { try output.write($0, to: file) }
    try output.close(file)
  }

  /// A text as a cell: in quotes where it needs them (RFC 4180).
  private static func quoted(_ text: String) -> String {
    guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}
