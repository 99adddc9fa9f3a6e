import TestSupport
import Testing

@testable import Forecast

@Suite struct RequestBookTests {
  @Test func theLongestUnheardOfIsForgotten() {
    var book = RequestBook<String>(capacity: 2)
    #expect(book.note(1, "a") == nil)
    #expect(book.note(2, "b") == nil)
    #expect(book.note(1, "c") == nil)
    let forgotten = book.note(3, "d")
    #expect(forgotten?.request == 2 && forgotten?.value == "b")
    #expect(book.entries.map(\.request) == [1, 3] && book.entries.map(\.value) == ["c", "d"])
    #expect(book[2] == nil && book[1] == "c")
  }

  @Test func updatingIsNotHearing() {
    var book = RequestBook<Int>(capacity: 2)
    book.note(1, 10)
    book.note(2, 20)
    book.update(1) { $0 += 1 }
    book.update(9) { $0 += 1 }
    #expect(book.removeOldest()?.value == 11)
    #expect(book.entries.map(\.request) == [2])
  }

  /// The same as a plain list in which everybody is looked for, over many steps.
  @Test func agreesWithAList() {
    var random = SplitMix64(seed: 3)
    var book = RequestBook<Int>(capacity: 5)
    var list: [(request: UInt64, value: Int)] = []
    for step in 0..<5000 {
      let request = UInt64.random(in: 0..<12, using: &random)
      let old = list.firstIndex { $0.request == request }
      if let old { list.remove(at: old) }
      if Int.random(in: 0..<4, using: &random) == 0 {
        #expect((book.remove(request) != nil) == (old != nil))
      } else {
        let forgotten = book.note(request, step)
        if list.count == 5 { #expect(forgotten?.request == list.removeFirst().request) }
        list.append((request, step))
      }
      #expect(book.entries.map(\.request) == list.map(\.request))
      #expect(book.entries.map(\.value) == list.map(\.value))
      #expect(book.count == list.count)
    }
  }

  /// Equal is what remembers the same in the same order, however it came to that.
  @Test func equalityIsOfWhatIsRemembered() {
    var one = RequestBook<Int>(capacity: 3)
    var other = RequestBook<Int>(capacity: 3)
    for request in [5, 1, 2] as [UInt64] { one.note(request, 0) }
    one.remove(5)
    one.note(1, 7)
    other.note(2, 0)
    #expect(one != other)
    other.note(1, 7)
    #expect(one == other && one.hashValue == other.hashValue)
  }
}
