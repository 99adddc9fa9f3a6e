import RoutingTrace
import Testing

@testable import Serving

struct EventHeapTests {
  /// What is taken is in order of time, and of insertion among equal times.
  @Test func eventsComeInOrder() {
    var random = SeededGenerator(seed: 3)
    var heap = EventHeap<Int>()
    var expected: [(time: Double, event: Int)] = []
    for event in 0..<500 {
      let time = Double(Int.random(in: 0..<40, using: &random))
      heap.insert(event, at: time)
      expected.append((time, event))
    }
    expected.sort { ($0.time, $0.event) < ($1.time, $1.event) }
    for (time, event) in expected {
      let taken = heap.take()
      #expect(taken?.time == time && taken?.event == event)
    }
    #expect(heap.take() == nil)
  }

  @Test func eventsMayBePutInBetween() {
    var heap = EventHeap<String>()
    heap.insert("late", at: 5)
    heap.insert("early", at: 1)
    #expect(heap.take()?.event == "early")
    heap.insert("middle", at: 3)
    #expect(heap.take()?.event == "middle")
    #expect(heap.take()?.event == "late")
    #expect(heap.take() == nil)
  }
}
