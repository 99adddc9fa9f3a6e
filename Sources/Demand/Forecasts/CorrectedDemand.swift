/// What a mixture's table expects of batches, set right by what came of its earlier expectations.
///
/// For one way of looking ahead. Between a layer's turns there is one expectation of it at most: it
/// is made by ``expect(_:_:)``, asked for by ``demand(_:)``, and held against what came by
/// ``learn(_:_:)``.
struct CorrectedDemand {
  let table: ChanceTable
  /// By layer: what is expected of the layer's next turn; nil once it came.
  private var pending: [ExpertDemand?]
  /// By layer: requests of each expert that came where some were expected, and those expected.
  private var seen: [[Double]]
  private var expected: [[Double]]

  init(_ table: ChanceTable) {
    self.table = table
    pending = Array(repeating: nil, count: table.layers)
    seen = Array(repeating: Array(repeating: 0, count: table.experts), count: table.layers)
    expected = seen
  }

  /// Takes in what a layer's turn brought.
  mutating func learn(_ layer: Int, _ chosen: [UInt16]) {
    guard let demand = pending[layer] else { return }
    for id in chosen where Int(id) < table.experts { seen[layer][Int(id)] += 1 }
    for (expert, load) in demand.load.enumerated() { expected[layer][expert] += load }
    pending[layer] = nil
  }

  /// Sets what is expected of a layer's next turn.
  mutating func expect(_ batch: DistinctTokens, _ layer: Int) {
    pending[layer] = table.demand(of: batch, layer: layer)
  }

  /// What is expected of a layer's next turn; nothing where it has none.
  func demand(_ layer: Int) -> ExpertDemand {
    pending[layer].map { corrected($0, layer) } ?? ExpertDemand(experts: table.experts)
  }

  /// Any expectation of this table for a layer, set right.
  func corrected(_ demand: ExpertDemand, _ layer: Int) -> ExpertDemand {
    demand.scaled(by: zip(seen[layer], expected[layer]).map { ($0 + 1) / ($1 + 1) })
  }
}
