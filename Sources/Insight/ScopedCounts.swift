import Counting
import RoutingTrace

/// A layer's counts in one scope: those of one stage, or the sum of both.
struct ScopedCounts {
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
    let counts = tally.counts(of: stages)
    tokens = stages.reduce(0) { $0 + tally.tokens[$1] }
    frequency = counts.frequency
    frequencyBefore = before?.counts(of: stages).frequency ?? []
    layerPairs = before == nil ? [] : counts.layerPairs ?? []
    tokenPairs = counts.tokenPairs ?? []
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
