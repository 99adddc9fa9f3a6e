import Testing

@testable import Wafer

/// The formula by hand: two dies, memories of 1 TB/s, links of .5 TB/s, experts of 4 MB.
struct BoundEngineTests {
  private let expert = ExpertCost(
    weightBytes: 4e6, flopsPerRequest: 1e6, activationBytesPerRequest: 1e3)

  private var fabric: Fabric {
    var hardware = Hardware()
    (hardware.columns, hardware.rows) = (2, 1)
    (hardware.hbmBandwidth, hardware.linkBandwidth, hardware.computeFlops) = (1e12, 0.5e12, 1e12)
    (hardware.hbmLatency, hardware.linkLatency, hardware.llcMiss) = (1e-7, 2e-7, 1e-8)
    return Fabric(hardware)
  }

  private func isNear(_ first: Double, _ second: Double) -> Bool { abs(first - second) < 1e-15 }

  @Test func theBusiestResourceAndTheWorstLatency() {
    let tasks = [
      ExpertTask(expert: 0, die: 0, requests: 2, source: 0),
      ExpertTask(expert: 1, die: 1, requests: 3, source: 0),
    ]
    let copies = [ExpertCopy(die: 1, expert: 1)]
    let result = BoundEngine().run(tasks, copies: copies, expert: expert, on: fabric)
    // 1 us a request; memory 0 is read twice, and writes two requests' activations.
    #expect(isNear(result.computeSeconds, 3e-6))
    #expect(isNear(result.memorySeconds, 2 * 4e-6 + 2e-9))
    #expect(isNear(result.linkSeconds, 8e-6))
    // There and back over one link, memory and LLC.
    #expect(isNear(result.seconds, 2 * 4e-6 + 2e-9 + 2 * 2e-7 + 1e-7 + 1e-8))
    #expect(result.hops == 1 && result.requestHops == 3 && result.copies == 1)
    #expect(isNear(result.meanComputeSeconds, 2.5e-6) && isNear(result.meanLinkSeconds, 4e-6))
  }

  /// Copies take memory time at the die that writes them.
  @Test func copiesAreWritten() {
    let task = ExpertTask(expert: 1, die: 1, requests: 1, source: 0)
    let copies = [ExpertCopy(die: 1, expert: 1), ExpertCopy(die: 1, expert: 2)]
    let result = BoundEngine().run([task], copies: copies, expert: expert, on: fabric)
    #expect(isNear(result.memorySeconds, 2 * 4e-6 + 1e-9))
  }

  /// Two dies that read one expert from one memory read it once there, but carry it each.
  @Test func sharedReadsAreReadOnce() {
    let tasks = [0, 1].map { ExpertTask(expert: 5, die: $0, requests: 1, source: 0) }
    var engine = BoundEngine()
    let each = engine.run(tasks, copies: [], expert: expert, on: fabric)
    engine.sharesReads = true
    let once = engine.run(tasks, copies: [], expert: expert, on: fabric)
    #expect(isNear(each.memorySeconds, 8e-6 + 1e-9) && isNear(once.memorySeconds, 4e-6 + 1e-9))
    #expect(each.linkSeconds == once.linkSeconds && isNear(once.linkSeconds, 8e-6))
    let other = ExpertTask(expert: 6, die: 1, requests: 1, source: 0)
    #expect(
      isNear(
        engine.run(tasks + [other], copies: [], expert: expert, on: fabric).memorySeconds,
        8e-6 + 1e-9))
  }
}
