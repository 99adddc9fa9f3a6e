import Foundation
import TestSupport
import Testing

@testable import Forecast

/// Log loss without the C library, and as whole steps.
@Suite struct LossTests {
  @Test func approximateLogarithmsAreWithinTheirError() {
    var random = SplitMix64(seed: 3)
    for exponent in stride(from: -960, through: 960, by: 7) {
      for _ in 0..<50 {
        let value = scalbn(1 + Double.random(in: 0..<1, using: &random), exponent)
        let error = abs(approximateLog2(value) - log2(value))
        // Beside its own error, one rounding of a number of up to 960.
        #expect(error < 1e-12 + abs(log2(value)).ulp, "log2 of \(value)")
      }
    }
    #expect(approximateLog2(1) == 0)
    #expect(approximateLog2(8) == 3)
  }

  @Test func stepsAreThoseOfTheExactLossOrLeftOpen() {
    var random = SplitMix64(seed: 4)
    var open = 0
    for _ in 0..<100_000 {
      let exact = Double.random(in: 0..<70, using: &random)
      let tolerance = 1e-9
      let near = exact + Double.random(in: -tolerance...tolerance, using: &random)
      guard let steps = LossSteps.of(bits: near, within: tolerance) else {
        open += 1
        continue
      }
      #expect(steps == LossSteps.of(bits: exact))
    }
    // Beyond 64 bits of 70, and 2 tolerances of every step.
    #expect((8000...15000).contains(open))
  }

  @Test func halfAStepIsLeftOpen() {
    let half = 1000.5 / LossSteps.perBit
    #expect(LossSteps.of(bits: half, within: 1e-12) == nil)
    #expect(LossSteps.of(bits: half + 1e-9, within: 1e-12) == 1001)
    #expect(LossSteps.of(bits: half - 1e-9, within: 1e-12) == 1000)
    #expect(LossSteps.of(bits: 100) == LossSteps.of(bits: LossSteps.mostBits))
  }
}
