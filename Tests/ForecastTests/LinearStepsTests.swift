import Glibc
import Testing

@testable import Forecast

@Suite struct LinearStepsTests {
  /// Exact up to 63 visits, then at most one in 32 visits behind.
  @Test(arguments: [0, 1, 19, 31, 32, 63, 64, 65, 127, 128, 1000, 123_456, .max] as [UInt32])
  func stepsFollowTheFormula(visits: UInt32) {
    let index = LinearSteps.index(visits)
    #expect(LinearSteps.table.indices.contains(index))
    let exact = 0.2 * pow(1 + Double(visits) / 20, -0.25)
    let behind = 0.2 * pow(1 + Double(visits) * 31 / 32 / 20, -0.25)
    let step = Double(LinearSteps.table[index])
    #expect(step > exact * (1 - 1e-6) && step < (visits < 64 ? exact : behind) * (1 + 1e-6))
  }

  @Test func placesAreInOrderWithoutGaps() {
    #expect(
      (0..<4096).map { LinearSteps.index($0) } == (0..<4096).map { LinearSteps.index($0) }.sorted())
    #expect(Set((0..<4096).map { LinearSteps.index($0) }) == Set(0...LinearSteps.index(4095)))
    #expect(LinearSteps.index(.max) == LinearSteps.count - 1)
  }
}
