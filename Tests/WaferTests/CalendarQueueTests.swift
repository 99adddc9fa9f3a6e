import Testing

@testable import Wafer

struct CalendarQueueTests {
  /// Whatever the bucket width: far too small (many years), fitting, far too large (one bucket).
  @Test(arguments: [1e-9, 1e-3, 1, 1e6, 1e-300]) func takesInOrderOfTimeThenInsertion(
    spacing: Double
  ) {
    let queue = CalendarQueue(capacity: 300, spacing: spacing)
    var waiting: [(time: Double, sequence: Int, event: Int32)] = []
    var state: UInt64 = 7
    func random() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      // Few different values, so that many are equal.
      return Double((state >> 40) % 64) * 0.125
    }
    var sequence = 0
    func insert(_ event: Int32, _ time: Double) {
      queue.insert(event, at: time)
      waiting.append((time, sequence, event))
      sequence += 1
    }
    for event in 0..<300 { insert(Int32(event), random()) }
    var taken = 0
    while let (event, time) = queue.take() {
      let first = waiting.indices.min {
        (waiting[$0].time, waiting[$0].sequence) < (waiting[$1].time, waiting[$1].sequence)
      }
      guard let first else { break }
      #expect(waiting[first].event == event && waiting[first].time == time)
      waiting.remove(at: first)
      taken += 1
      if taken < 2000 { insert(event, time + random()) }
    }
    #expect(waiting.isEmpty && taken == 2299)
  }
}
