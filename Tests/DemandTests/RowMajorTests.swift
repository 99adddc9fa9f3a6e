import Testing

@testable import Demand

struct RowMajorTests {
  /// Two planes of three rows of four cells, numbered in order.
  @Test func cellsAndRowsByHand() {
    let place = RowMajor(rows: 3, columns: 4)
    #expect(place[0, 0, 0] == 0 && place[0, 2, 3] == 11 && place[1, 0, 0] == 12)
    #expect(place[1, 1, 2] == 18)
    #expect(place[1, 2] == 20..<24)
    #expect(place[1, rows: 1..<3] == 16..<24 && place[0, rows: 1..<1] == 4..<4)
  }

  @Test func keysKeepWhatTheyAreMadeOf() {
    let last = ExpertKey(layer: 4095, expert: 32_767)
    #expect(last.layer == 4095 && last.expert == 32_767)
    // By layer first, then by number.
    let keys = [(1, 0), (0, 7), (1, 2), (0, 0)].map { ExpertKey(layer: $0.0, expert: $0.1) }
    #expect(keys.sorted().map(\.layer) == [0, 0, 1, 1])
    #expect(keys.sorted().map(\.expert) == [0, 7, 0, 2])
    var values = ByExpert(repeating: 0, layers: 2, experts: 8)
    for (value, key) in keys.enumerated() { values[key] = value + 1 }
    #expect(values[keys[2]] == 3 && values.values[10] == 3)
    #expect(values.numbers(ofLayer: 1) == 8..<16 && values.values[values.number(of: keys[1])] == 2)
  }
}
