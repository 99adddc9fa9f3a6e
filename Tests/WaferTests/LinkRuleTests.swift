import Testing

@testable import Wafer

struct LinkRuleTests {
  /// ASTRA-sim's congestion-aware analytical example: 16 nodes in a ring, each sends one chunk of
  /// 1 MiB to every other at time 0 by the shorter way; 50 GB/s (GB = 2^30) and 500 ns a link.
  ///
  /// Times there are whole nanoseconds: the chunk's 19,531.25 ns on a link are cut to 19,531, and
  /// the 20,031.25 ns to the far end to 20,031.
  @Test func equalsRingExampleOfASTRAsim() {
    var hardware = Hardware()
    (hardware.topology, hardware.columns, hardware.rows) = (.ring, 16, 1)
    hardware.linkBandwidth = 1
    hardware.linkLatency = 500
    let fabric = Fabric(hardware)
    let chunk = (Double(1 << 20) / Double(50 << 30) * 1e9).rounded(.down)
    let state = RunState(fabric: fabric, chunkBytes: chunk, flights: 0)
    let pairs = (0..<16).flatMap { from in (0..<16).map { (from, $0) } }.filter { $0 != $1 }
    var crossed = Array(repeating: 0, count: pairs.count)
    let queue = CalendarQueue(capacity: pairs.count, spacing: 100)
    for flight in pairs.indices { queue.insert(Int32(flight), at: 0) }
    var arrivals: [Double] = []
    while let (flight, now) = queue.take() {
      let way = fabric.way(from: pairs[Int(flight)].0, to: pairs[Int(flight)].1)
      if crossed[Int(flight)] == way.count {
        arrivals.append(now)
      } else {
        let link = way[way.startIndex + crossed[Int(flight)]]
        crossed[Int(flight)] += 1
        queue.insert(flight, at: state.cross(Int(link), at: now))
      }
    }
    #expect(arrivals.count == 240)
    #expect(arrivals.min() == 20_031)
    #expect(arrivals.max() == 704_116)
    #expect(arrivals.reduce(0, +) == 99_423_604)
  }
}
