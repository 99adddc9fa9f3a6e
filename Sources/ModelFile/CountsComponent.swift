import Counting
import Forecast
import HDF5
import Prequential
import RoutingTrace

/// The integer tables: one group a predictor that owns one.
///
/// `frequency/counts[layer, expert]` is c, `layer-markov/counts[layer, given_expert, expert]` is C,
/// `token-markov/counts[...]` is D of `Counting/LayerCounts`. `layer-product` reads C and has no
/// group.
enum CountsComponent: Component {
  static let groups = ["frequency", "layer-markov", "token-markov"]

  /// Writes the frequencies, and the pair tables that are kept.
  static func write(_ learner: Learner, to file: borrowing ModelWriter) throws(H5Error) {
    let counts = learner.layers.map(\.counts)
    var frequency = try file.group("frequency")
    try frequency.create(
      "counts", counts.flatMap(\.frequency), axes: [file.layer, file.expert],
      note: "times the expert was chosen in the layer")
    try frequency.finish()
    try write(
      counts, \.layerPairs, "layer-markov",
      "times the expert was chosen in the layer when the given one was chosen in the layer before",
      to: file)
    try write(
      counts, \.tokenPairs, "token-markov",
      "times the expert was chosen in the layer when the given one was chosen there by the request's "
        + "token before", to: file)
  }

  /// Writes a table of pairs if it is kept.
  private static func write(
    _ layers: [LayerCounts], _ table: (LayerCounts) -> [UInt32]?, _ name: String, _ note: String,
    to file: borrowing ModelWriter
  ) throws(H5Error) {
    var cells: [UInt32] = []
    for layer in layers {
      // One layer after the other, so that the tables are not in memory a third time.
      guard let own = table(layer) else { return }
      if cells.isEmpty { cells.reserveCapacity(own.count * layers.count) }
      cells += own
    }
    var group = try file.group(name)
    try group.create(
      "counts", cells, axes: [file.layer, file.givenExpert, file.expert], note: note)
    try group.finish()
  }

  /// Reads the same groups, no cell above what the tokens can have counted.
  static func read(
    into state: inout LearnerState, from file: borrowing ModelReader
  ) throws(H5Error) {
    let shape = file.header.shape
    let (layers, experts) = (shape.layers, shape.experts)
    let needed = file.header.specs.tables
    var group = try file.group("frequency")
    let frequency: [UInt32] = try group.read("counts", shape: [layers, experts])
    try group.finish()
    var tables: [[UInt32]?] = []
    for (name, table) in [("layer-markov", CountTables.layerPairs), ("token-markov", .tokenPairs)] {
      guard needed.contains(table) else {
        tables.append(nil)
        continue
      }
      var group = try file.group(name)
      tables.append(try group.read("counts", shape: [layers, experts, experts]))
      try group.finish()
    }
    // No cell grows by more than 1 a token.
    let bound = UInt32(file.header.tokens)
    for (name, cells) in zip(groups, [frequency] + tables.map { $0 ?? [] })
    where !cells.allSatisfy({ $0 <= bound }) {
      throw H5Error(.mismatch, at: "/\(name)/counts", "counts more than the \(bound) tokens seen")
    }
    for layer in 0..<layers {
      let pairs = layer * experts * experts..<(layer + 1) * experts * experts
      guard
        let counts = LayerCounts(
          frequency: Array(frequency[layer * experts..<(layer + 1) * experts]),
          layerPairs: tables[0].map { Array($0[pairs]) },
          tokenPairs: tables[1].map { Array($0[pairs]) })
      else { throw H5Error(.mismatch, at: "/frequency/counts", "does not fit the other tables") }
      state.counts.append(counts)
    }
  }
}
