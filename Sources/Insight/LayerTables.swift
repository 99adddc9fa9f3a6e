import Counting
import RoutingTrace

/// A layer's counts in one scope: those of one stage, or the sum of both.
struct LayerTables {
  /// Tokens of the scope.
  let tokens: Int
  /// How often each expert was chosen; E values.
  let frequency: [UInt32]
  /// The same one layer before, empty for the first layer.
  let frequencyBefore: [UInt32]
  /// E x E: chosen here after an expert one layer before.
  let layerPairs: [UInt32]
  /// E x E: chosen here after an expert here one token before.
  let tokenPairs: [UInt32]
  /// Choices of tokens that follow one of their request.
  let following: UInt64

  /// The counts of one scope, of this layer and the one before.
  init(_ tally: LayerTally, before: LayerTally?, in scope: Scope) {
    let stages = Stage.allCases.filter { scope == .all || scope == Scope($0) }
      .map { Int($0.rawValue) }
    func sum(_ tally: LayerTally, _ table: (LayerCounts) -> [UInt32]?) -> [UInt32] {
      let tables = stages.compactMap { table(tally.stages[$0]) }
      return tables.dropFirst().reduce(tables.first ?? []) { zip($0, $1).map(&+) }
    }
    tokens = stages.reduce(0) { $0 + tally.tokens[$1] }
    frequency = sum(tally) { $0.frequency }
    frequencyBefore = before.map { sum($0) { $0.frequency } } ?? []
    layerPairs = before == nil ? [] : sum(tally) { $0.layerPairs }
    tokenPairs = sum(tally) { $0.tokenPairs }
    following = stages.reduce(0) { $0 + tally.following[$1] }
  }

  /// P(j | i) of the expert i that is given, from a table of E x E counts; nil where nothing was
  /// counted.
  static func conditional(_ pairs: [UInt32], given: Int, of experts: Int) -> [Double]? {
    let row = pairs[given * experts..<(given + 1) * experts]
    let total = row.reduce(0) { $0 + Double($1) }
    return total > 0 ? row.map { Double($0) / total } : nil
  }

  /// Choices of the layer.
  var choices: Double { frequency.reduce(0) { $0 + Double($1) } }
}
