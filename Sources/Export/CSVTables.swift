import Counting
import Forecast
import Prequential
import RoutingTrace

/// One line a count that is not zero; layers are model layer numbers.
public enum CSVTables: TableExporter {
  /// The format on the command line, and its suffix.
  public static let name = "csv"

  /// What stands in the file, for people.
  public static let summary =
    "one line a count over 0: \(header), layers by the model's numbers."

  /// How every file of the format begins.
  public static let beginning = Array(header.utf8)

  private static let header = "table,layer,given_layer,given_expert,expert,count"

  /// Hands the bytes of a learner's tables to a sink, piece by piece; see ``TableExporter``.
  public static func write(
    _ learner: Learner, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var lines = TextLines()
    lines.add(header)
    let numbers = learner.shape.modelLayers
    for (layer, own) in learner.layers.enumerated() {
      for (expert, count) in own.counts.frequency.enumerated() where count > 0 {
        lines.add("frequency,\(numbers[layer]),,,\(expert),\(count)")
      }
    }
    let tables = [
      ("layer-markov", 1, learner.layers.map(\.counts.layerPairs)),
      ("token-markov", 0, learner.layers.map(\.counts.tokenPairs)),
    ]
    for (name, back, layers) in tables {
      for (layer, table) in layers.enumerated() where layer >= back {
        guard let table else { continue }
        let place = "\(name),\(numbers[layer]),\(numbers[layer - back])"
        for (cell, count) in table.enumerated() where count > 0 {
          let experts = learner.shape.experts
          lines.add("\(place),\(cell / experts),\(cell % experts),\(count)")
          try lines.flush(to: sink)
        }
      }
    }
    try lines.flush(beyond: 0, to: sink)
  }
}
