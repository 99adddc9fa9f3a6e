import Glibc
import Testing

@testable import Forecast

@Suite struct FloatMathTests {
  @Test func logarithmsAgreeWithTheLibrary() {
    for step in 1..<4000 {
      let value = Float(step) * 0.0005 + (step % 7 == 0 ? 900 : 0)
      #expect(abs(FloatMath.log(value) - logf(value)) < 2e-5, "log \(value)")
    }
  }

  @Test func exponentialsAgreeWithTheLibrary() {
    for step in -400...400 {
      let value = Float(step) * 0.1
      #expect(abs(FloatMath.exp(value) / expf(value) - 1) < 5e-6, "exp \(value)")
    }
    #expect(FloatMath.exp(1000) == FloatMath.exp(60))
    #expect(FloatMath.exp(-.infinity) == FloatMath.exp(-60))
  }

  @Test func squashingUndoesStretching() {
    var values: [Float] = [0, 0.1, 0.25, 0.5, 0.9, 1, 7]
    let drawn = values.map { min($0 * 0.995 + 0.0005, 0.999) }
    values.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      FloatMath.stretch(base, count: buffer.count)
      FloatMath.squash(base, count: buffer.count)
    }
    for (value, wanted) in zip(values, drawn) { #expect(abs(value - wanted) < 1e-5) }
  }
}
