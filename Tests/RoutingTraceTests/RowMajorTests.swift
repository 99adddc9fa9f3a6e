import RoutingTrace
import Testing

struct RowMajorTests {
  /// Two planes of three rows of four cells, numbered in order.
  @Test func cellsAndRowsByHand() {
    let place = RowMajor(rows: 3, columns: 4)
    #expect(place[0, 0, 0] == 0 && place[0, 2, 3] == 11 && place[1, 0, 0] == 12)
    #expect(place[1, 1, 2] == 18)
    #expect(place[1, 2] == 20..<24)
    #expect(place[1, rows: 1..<3] == 16..<24 && place[0, rows: 1..<1] == 4..<4)
  }
}
