import Demand
import RoutingTrace

extension PlacementEvidence {
  /// Counts tokens: loads as requests of a batch of so many tokens, pairs and successions as tokens.
  ///
  /// - Parameters:
  ///   - tokens: Those that count, by their numbers; nil for all of the pool.
  ///   - batch: Tokens of a step; loads are scaled to it, since what an expert costs depends on it.
  ///   - countsPairs: Count pairs too; their diagonals are 0.
  ///   - countsSuccessions: Count successions too.
  /// - Throws: ``PlacementError`` where there are no tokens.
  /// - Complexity: O(tokens * layers * topK^2) with pairs or successions.
  public init(
    of pool: RequestPool, tokens: [Int]? = nil, batch: Int, countsPairs: Bool = false,
    countsSuccessions: Bool = false
  ) throws(PlacementError) {
    let all = tokens ?? Array(0..<pool.tokens)
    guard !all.isEmpty else {
      throw PlacementError(
        "there are no tokens to place from", remedy: "give traces that have some")
    }
    let (experts, topK) = (pool.shape.experts, pool.shape.topK)
    let columns = (0..<pool.shape.layers).map { pool.chosen(by: all, layer: $0).map(Int.init) }
    let scale = Double(batch) / Double(all.count)
    try self.init(
      loads: columns.map { column in
        var load = Array(repeating: 0.0, count: experts)
        for expert in column where expert < experts { load[expert] += 1 }
        return load.map { $0 * scale }
      })
    func pairs(_ first: [Int], _ second: [Int], isSame: Bool) -> [Double] {
      var counts = Array(repeating: 0.0, count: experts * experts)
      for start in stride(from: 0, to: first.count, by: topK) {
        for from in first[start..<start + topK] where from < experts {
          for to in second[start..<start + topK] where to < experts && !(isSame && to == from) {
            counts[from * experts + to] += 1
          }
        }
      }
      return counts
    }
    if countsPairs { self.pairs = columns.map { pairs($0, $0, isSame: true) } }
    if countsSuccessions {
      successions = zip(columns, columns.dropFirst()).map { pairs($0, $1, isSame: false) }
    }
  }
}
