import RoutingTrace

extension TraceAnalysis {
  /// Which two choices a heatmap relates.
  public enum Relation: Sendable {
    /// P(j | i): j chosen in the layer after i one layer before.
    case layerToLayer
    /// P(j | i): j chosen after i, in the same layer, by the token before.
    case tokenToToken
    /// How often i and j were chosen together over the mean of all pairs; all stages.
    case pairs
  }

  /// A relation of a layer as a table `[given, chosen]`: E rows of E cells; rows without counts are
  /// 0.
  ///
  /// - Parameters:
  ///   - relation: what the cells say.
  ///   - layer: the MoE layer's ordinal.
  ///   - scope: whose tokens count; pairs are of all stages.
  /// - Precondition: `layer` is an ordinal of the shape's; the first has nothing before it.
  /// - Complexity: O(E^2).
  public func heatmap(_ relation: Relation, layer: Int, in scope: Scope) -> [[Double]] {
    let tally = layers[layer]
    let experts = shape.experts
    guard relation != .pairs else { return pairsOverMean(tally) }
    let tables = ScopedCounts(tally, before: layer > 0 ? layers[layer - 1] : nil, in: scope)
    let counts = relation == .layerToLayer ? tables.layerPairs : tables.tokenPairs
    let nothing = Array(repeating: 0.0, count: experts)
    return (0..<experts).map { given in
      guard !counts.isEmpty else { return nothing }
      return ScopedCounts.conditional(counts, given: given, of: experts) ?? nothing
    }
  }

  /// How often pairs were chosen together over the mean of all, `[expert, expert]`.
  private func pairsOverMean(_ tally: LayerTally) -> [[Double]] {
    let experts = shape.experts
    let counts = tally.pairs.counts
    let mean = counts.reduce(0) { $0 + Double($1) } / Double(max(1, counts.count))
    var cells = Array(repeating: Array(repeating: 0.0, count: experts), count: experts)
    guard mean > 0 else { return cells }
    var index = 0
    for second in 0..<experts {
      for first in 0..<second {
        cells[first][second] = Double(counts[index]) / mean
        cells[second][first] = cells[first][second]
        index += 1
      }
    }
    return cells
  }
}
