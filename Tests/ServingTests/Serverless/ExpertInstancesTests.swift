import Demand
import RoutingTrace
import Testing
import Wafer
import WaferSamples

@testable import Serving

struct ExpertInstancesTests {
  private func instances(rooms: Int = 2, gpus: Int = 2) -> ExpertInstances {
    ExpertInstances(
      layers: 2, experts: 12, rooms: rooms, store: gpus, expert: ServerlessSamples.expert,
      on: Fabric(ServerlessSamples.hardware(gpus: gpus)))
  }

  private func key(_ expert: Int, layer: Int = 0) -> ExpertKey {
    ExpertKey(layer: layer, expert: expert)
  }

  /// An instance is paid for from its loading to the end of its lease, wherever time is looked at.
  @Test func memoryIsPaidForUntilTheLeaseEnds() {
    var instances = instances()
    instances.bring(key(3), to: 0, at: 10, keep: 2)
    #expect(instances[key(3)].map(\.ready) == [10.0006])
    instances.unloadExpired(at: 12.0005)
    #expect(instances.count == 1)
    instances.keep(key(3), on: 0, until: 13)
    instances.keep(key(3), on: 0, until: 11)
    instances.unloadExpired(at: 12.5)
    #expect(instances.count == 1)
    instances.unloadExpired(at: 50)
    #expect(instances.count == 0 && instances[key(3)].isEmpty)
    instances.close(at: 60)
    #expect(abs(instances.account.heldSeconds - 3) < 1e-9)
    #expect(instances.account.peak == 1 && instances.account.loads == 1)
    #expect(abs(instances.account.loadSeconds - 600e-6) < 1e-12)
  }

  @Test func whatIsLeftIsPaidForUntilTheEnd() {
    var instances = instances()
    instances.bring(key(0), to: 0, at: 0, keep: 100)
    instances.bring(key(1), to: 1, at: 2, keep: 1)
    instances.close(at: 10)
    #expect(abs(instances.account.heldSeconds - (10 + 1 + instancesWait)) < 1e-9)
    #expect(instances.count == 0 && instances.account.peak == 2)
  }

  /// From the host, with nobody before it.
  private let instancesWait = 600e-6

  /// A GPU that has an expert hands it on faster than the host, once it has arrived.
  @Test func anExpertComesFromWhereItIsSoonest() {
    var instances = instances()
    instances.bring(key(3), to: 0, at: 0, keep: 10)
    #expect(
      abs(instances.loadSeconds(from: instances.sources(of: key(3), at: 0), to: 1) - 600e-6) < 1e-12
    )
    #expect(
      abs(instances.loadSeconds(from: instances.sources(of: key(3), at: 1), to: 1) - 60e-6) < 1e-12)
    instances.bring(key(3), to: 1, at: 1, keep: 10)
    #expect(abs(instances[key(3)][1].ready - 1.00006) < 1e-12)
  }

  /// What the turn counts on stays; of the rest, that whose lease ends first goes.
  @Test func roomIsMadeByWhatIsWantedNoLonger() {
    var instances = instances(rooms: 3)
    for (expert, keep) in [(0, 5.0), (1, 3.0), (2, 9.0)] {
      instances.bring(key(expert), to: 0, at: 0, keep: keep)
    }
    #expect(!instances.hasRoom(0) && instances.hasRoom(1))
    instances.beginTurn()
    instances.pin(key(1), on: 0)
    instances.pin(key(1), on: 0)
    #expect(instances.couldTake(0))
    _ = instances.demand(key(0, layer: 1), to: 0, at: 1, keep: 5)
    #expect(instances[key(0)].isEmpty, "its lease ended before that of 2, and 1 was pinned")
    #expect(!instances[key(1)].isEmpty && instances.count(on: 0) == 3)
    _ = instances.demand(key(1, layer: 1), to: 0, at: 1, keep: 5)
    #expect(instances[key(2)].isEmpty)
    #expect(!instances.couldTake(0) && instances.couldTake(1))
    #expect(instances.account.evictions == 2 && instances.account.peak == 3)
    // The next turn counts on nothing yet.
    instances.beginTurn()
    #expect(instances.couldTake(0))
  }
}
