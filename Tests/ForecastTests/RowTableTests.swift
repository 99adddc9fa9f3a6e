import Counting
import RoutingTrace
import Testing

@testable import Forecast

/// Lends an array of ids as an event's choice.
func withSet<Result>(_ ids: [UInt16], _ body: (ExpertSet) -> Result) -> Result {
  ids.withUnsafeBufferPointer { body(ExpertSet(first: $0.baseAddress, count: $0.count)) }
}

@Suite struct RowTableTests {
  @Test func rowsCountAndAddUpByHand() {
    var table = RowTable(rows: 3, lanes: 8, halvingTotal: 0)
    withSet([0, 2]) { set in table.withLearner { $0.learn(1, set) } }
    withSet([2, 5]) { set in table.withLearner { $0.learn(1, set) } }
    #expect(Array(table.cells.values[8..<16]) == [1, 0, 2, 0, 0, 1, 0, 0])
    #expect(table.totals == [0, 4, 0])
    var sums = [Float](repeating: 0, count: 8)
    let share = sums.withUnsafeMutableBufferPointer { sums in
      table.withView { $0.add(1, strength: 2, to: sums.baseAddress.unsafelyUnwrapped) }
    }
    // (counts + 2 prior) / (4 + 2)
    #expect(abs(share - 2.0 / 6) < 1e-7)
    #expect(abs(sums[2] - 2.0 / 6) < 1e-7)
    #expect(abs(sums[5] - 1.0 / 6) < 1e-7)
  }

  @Test func fullRowsAreHalved() {
    var table = RowTable(rows: 1, lanes: 8, halvingTotal: 8)
    for _ in 0..<3 { withSet([0, 1]) { set in table.withLearner { $0.learn(0, set) } } }
    #expect(table.totals == [6])
    withSet([0, 7]) { set in table.withLearner { $0.learn(0, set) } }
    // 4, 3, 0, ..., 1 halved downwards.
    #expect(table.cells.values == [2, 1, 0, 0, 0, 0, 0, 0])
    #expect(table.totals == [3])
  }
}

@Suite struct PairTableTests {
  /// 64 pairs in 128 rows: each finds an empty row within four places of its hash (a hash table of
  /// the same rule in Python says so), and keeps it.
  @Test func pairsKeepTheirOwnRows() {
    var table = PairTable(experts: 8, lanes: 8, budget: 1 << 16, halvingTotal: 0)
    #expect(table.rows == 128)
    for pair in 0..<64 {
      withSet([UInt16(pair % 8)]) { set in
        table.withLearner { $0.rows.learn($0.claim(pair), set) }
      }
    }
    let rows = (0..<64).map { pair in table.withView { $0.find(pair) } }
    #expect(Set(rows).count == 64 && !rows.contains(-1))
    for (pair, row) in rows.enumerated() where row >= 0 {
      let cells = (0..<8).map { UInt32($0 == pair % 8 ? 1 : 0) }
      #expect(Array(table.table.cells.values[row * 8..<row * 8 + 8]) == cells, "pair \(pair)")
    }
    #expect(table.withView { $0.find(64) } == -1)
  }

  @Test func aFullTableKeepsWhatIsFrequent() {
    // Room for four rows only, all within reach of every pair.
    var table = PairTable(experts: 8, lanes: 8, budget: 4 * 40, halvingTotal: 0)
    #expect(table.rows == 4)
    func learn(_ pair: Int, times: Int) {
      for _ in 0..<times {
        withSet([3]) { set in table.withLearner { $0.rows.learn($0.claim(pair), set) } }
      }
    }
    for pair in 0..<3 { learn(pair, times: 100) }
    learn(3, times: 1)
    learn(4, times: 1)
    // The rarest made way, the others lost half of their counts.
    #expect(table.withView { $0.find(3) } == -1)
    for pair in 0..<3 {
      let row = table.withView { $0.find(pair) }
      #expect(row >= 0 && table.table.totals[max(0, row)] == 50, "pair \(pair)")
    }
    #expect(table.withView { $0.find(4) } >= 0)
  }
}
