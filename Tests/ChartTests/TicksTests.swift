import Testing

@testable import Chart

@Suite struct TicksTests {
  @Test(arguments: [
    (0.0, 1.0), (0, 0.43), (0, 127.8), (-0.3, 0.92), (0, 0), (2, 2), (0, 1e-9), (0, 3e9), (-5, -1),
  ])
  func theyAreRoundAndReachBeyondTheValues(least: Double, most: Double) {
    let ticks = Ticks(from: least, to: most)
    #expect(ticks.low <= least && ticks.high >= most && ticks.low < ticks.high)
    #expect((2...12).contains(ticks.values.count))
    let step = ticks.values[1] - ticks.values[0]
    for (a, b) in zip(ticks.values, ticks.values.dropFirst()) {
      #expect(abs((b - a) / step - 1) < 1e-6)
    }
  }

  @Test func stepsAreOneTwoOrFive() {
    #expect(Ticks(from: 0, to: 0.43).values.map { ($0 * 10).rounded() } == [0, 1, 2, 3, 4, 5])
    #expect(Ticks(from: 0, to: 127.8).values == [0, 50, 100, 150])
    #expect(Ticks(from: 0, to: 9).values == [0, 2, 4, 6, 8, 10])
  }
}
