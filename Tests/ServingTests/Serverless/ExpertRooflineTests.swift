import Testing
import WaferSamples

@testable import Serving

struct ExpertRooflineTests {
  private let roofline = ExpertRoofline(
    ServerlessSamples.expert, on: ServerlessSamples.hardware())

  /// 3 M parameters: 6 MB over 1 TB/s; 6 M operations a request over 100 TFLOPS; 8 kB of activations.
  @Test func theLongerOfMemoryAndComputeCounts() {
    #expect(abs(roofline.seconds(1) - 6.008e-6) < 1e-15)
    #expect(abs(roofline.seconds(1000) - 60e-6) < 1e-15)
  }

  @Test func stragglersAreCopiedUntilTheyAreNone() {
    // 60 us against 25: a half takes 30, a third 20.
    #expect(roofline.replicas(1000, longest: 25e-6, most: 8) == 3)
    #expect(roofline.replicas(1000, longest: 25e-6, most: 2) == 2)
    #expect(roofline.replicas(1000, longest: 60e-6, most: 8) == 1)
  }

  /// Reading weights takes as long for a half: 90 requests compute for 5.4 us, and memory is 6.
  @Test func whoeverReadsForLongestIsNotCopied() {
    #expect(roofline.replicas(90, longest: 0, most: 8) == 1)
    #expect(roofline.replicas(110, longest: 0, most: 8) == 2)
  }
}
