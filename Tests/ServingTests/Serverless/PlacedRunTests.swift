import Demand
import Placement
import RoutingTrace
import Testing
import Wafer
import WaferSamples

@testable import Serving

struct PlacedRunTests {
  private func run(every: Int?) throws -> PlacedRun {
    let simulation = try ServerlessSamples.simulation()
    let layout = try DeviceLayout(experts: 12, gpus: 2, redundant: 2)
    let nothing = try PlacementEvidence(loads: [Array(repeating: 0.0, count: 12)])
    let map = try Contiguous().place(nothing, on: layout)
    return PlacedRun(
      simulation, holders: [map.holders(layer: 0)], store: 2,
      balancer: every.map { (layout, $0) }, from: 3)
  }

  @Test func copiesShareTheirExpertsRequests() throws {
    var run = try run(every: nil)
    // Slots 12 and 13 hold experts 0 and 1 again, on the second GPU.
    let seconds = run.serve(
      step: 0, layer: 0, counts: [2001] + Array(repeating: 0, count: 11), chosen: [], at: 3)
    #expect(abs(seconds - 1001 * 60e-9) < 1e-12, "the larger half")
    #expect(run.result.replicas == 2 && run.result.asked == 1 && run.result.requests == 2001)
  }

  /// Two layers' worth of slots, held from the beginning to the end; the sample has three layers.
  @Test func memoryIsPaidForAllTheTime() throws {
    var run = try run(every: 5)
    run.close(at: 10)
    #expect(abs(run.result.peakGigabytes - 14 * 3 * 6e-3) < 1e-9)
    #expect(abs(run.result.gigabyteSeconds - 14 * 3 * 6e-3 * 7) < 1e-9)
  }

  /// After its steps the balancer follows what was asked for, and serving waits for the weights.
  @Test func placingAnewIsPaidFor() throws {
    var run = try run(every: 2)
    func serve(step: Int) -> Double {
      let pause = run.begin([], step: step, at: Double(step))
      let counts = (0..<12).map { $0 == 11 ? 4000 : 1 }
      return pause
        + 1e3 * run.serve(step: step, layer: 0, counts: counts, chosen: [], at: Double(step))
    }
    let before = serve(step: 0)
    #expect(serve(step: 1) == before && run.result.movedGigabytes == 0)
    let pause = run.begin([], step: 2, at: 2)
    #expect(pause > 0 && run.result.pauseSeconds == pause && run.result.movedGigabytes > 0)
    let counts = (0..<12).map { $0 == 11 ? 4000 : 1 }
    let after = run.serve(step: 2, layer: 0, counts: counts, chosen: [], at: 2)
    #expect(after < 0.6e-3 * before, "the popular expert now has two GPUs")
    // What was asked for is the same, so nothing has to move the next time.
    let moved = run.result.movedGigabytes
    _ = run.serve(step: 3, layer: 0, counts: counts, chosen: [], at: 3)
    _ = run.begin([], step: 4, at: 4)
    #expect(run.result.movedGigabytes == moved)
  }
}
