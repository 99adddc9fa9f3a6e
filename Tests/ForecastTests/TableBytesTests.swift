import Counting
import RoutingTrace
import Testing

@testable import Forecast

/// What tables say that they take, beside the arrays that they then hold.
@Suite struct TableBytesTests {
  static let shapes = [(1, 8, 1), (3, 70, 4), (26, 64, 6), (8, 256, 8)]

  @Test(arguments: shapes) func countsOfALayer(_ layers: Int, _ experts: Int, _ topK: Int) {
    for tables in [[], .layerPairs, [.layerPairs, .tokenPairs]] as [CountTables] {
      let counts = LayerCounts(experts: experts, tables: tables)
      let cells =
        counts.frequency.count + (counts.layerPairs?.count ?? 0) + (counts.tokenPairs?.count ?? 0)
      let told = LayerCounts.bytes(experts: experts, tables: tables)
      // The sums of rows are 8 bytes each.
      #expect(told >= 4 * cells && told <= 4 * cells + 8 * (2 * experts + 1))
    }
  }

  @Test(
    arguments: shapes,
    ["mixture", "mixture-fast", "mixture-all", "mixture:only-token", "mixture-all:without-paths"])
  func partsOfAMixture(_ dimensions: (Int, Int, Int), _ name: String) throws {
    let (layers, experts, topK) = dimensions
    let shape = try TraceShape(modelLayers: Array(0..<layers), experts: experts, topK: topK)
    let options = try #require(MixtureOptions(name: name))
    let mixture = Mixture(shape: shape, options: options)
    func bytes(_ table: RowTable) -> Int { 4 * (table.cells.count + table.totals.count) }
    var held = 0
    for layer in mixture.layers {
      held += bytes(layer.frequency) + layer.rows.reduce(0) { $0 + bytes($1) }
      held += layer.pairs.reduce(0) { $0 + bytes($1.table) + 4 * $1.keys.count }
      held += 4 * (layer.repeats.keys.count + layer.repeats.counts.count)
      held += 2 * layer.repeats.sets.count
      held += 4 * (layer.linear.count + layer.linearVisits.count)
    }
    if let paths = mixture.paths {
      held += 8 * (paths.masks.count + paths.columns.count) + 4 * paths.successors.count
      held += PathSearch.bytes(shape: shape)
      held += 2 * PathVotes.bytes(layers: layers, tokens: 64, lanes: (experts + 7) / 8 * 8)
    }
    #expect(Mixture.bytes(shape: shape, options: options) == held)
  }
}
