import Testing
import Wafer
import WaferSamples

@testable import Serving

struct WeightTransfersTests {
  private let fabric = Fabric(ServerlessSamples.hardware())

  private func transfers() -> WeightTransfers {
    WeightTransfers(ServerlessSamples.expert, on: fabric)
  }

  @Test func weightsTakeTheSlowestPartOfTheirWay() {
    var transfers = transfers()
    #expect(abs(transfers.seconds(from: 2, to: 0) - 600e-6) < 1e-12)
    #expect(abs(transfers.seconds(from: 1, to: 0) - 60e-6) < 1e-12)
    #expect(abs(transfers.move(from: 2, to: 0, at: 5) - 5.0006) < 1e-12)
  }

  /// A GPU's link takes one after another, and two GPUs share the host's memory.
  @Test func transfersQueue() {
    var transfers = transfers()
    #expect(abs(transfers.move(from: 2, to: 0, at: 0) - 600e-6) < 1e-12)
    // Behind 400 us of memory for the first, another 400: later than the link's 600.
    #expect(abs(transfers.move(from: 2, to: 1, at: 0) - 800e-6) < 1e-12)
    #expect(abs(transfers.arrival(from: 2, to: 0, at: 0) - 1200e-6) < 1e-12)
    #expect(abs(transfers.move(from: 2, to: 0, at: 0) - 1200e-6) < 1e-12)
    // Asking alone moves nothing; another way is free.
    #expect(abs(transfers.arrival(from: 1, to: 0, at: 0) - 60e-6) < 1e-12)
    #expect(abs(transfers.arrival(from: 2, to: 0, at: 1) - 1.0006) < 1e-12)
  }

  @Test func latenciesAreAdded() {
    var hardware = ServerlessSamples.hardware()
    (hardware.hostLatency, hardware.hostLinkLatency) = (1e-3, 2e-3)
    let transfers = WeightTransfers(ServerlessSamples.expert, on: Fabric(hardware))
    #expect(abs(transfers.arrival(from: 2, to: 0, at: 0) - 3.6e-3) < 1e-12)
    #expect(abs(transfers.seconds(from: 2, to: 0) - 3.6e-3) < 1e-12)
  }
}
