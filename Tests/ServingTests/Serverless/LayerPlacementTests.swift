import Demand
import RoutingTrace
import Testing
import Wafer
import WaferSamples

@testable import Serving

struct LayerPlacementTests {
  private let fabric = Fabric(ServerlessSamples.hardware())

  private func placement(_ change: (inout ServerlessOptions) -> Void = { _ in }) -> LayerPlacement {
    var options = ServerlessOptions()
    change(&options)
    return LayerPlacement(ServerlessSamples.expert, options, on: fabric)
  }

  private func instances(rooms: Int = 12) -> ExpertInstances {
    ExpertInstances(
      layers: 1, experts: 12, rooms: rooms, store: 2, expert: ServerlessSamples.expert, on: fabric)
  }

  private func gpus(_ instances: ExpertInstances, _ expert: Int) -> [Int] {
    instances[ExpertKey(layer: 0, expert: expert)].map(\.gpu).sorted()
  }

  private func loads(_ some: [Int: Double]) -> [Double] {
    (0..<12).map { some[$0] ?? 0 }
  }

  @Test func expectedExpertsAreBroughtAndSpread() {
    var instances = instances()
    placement().prepare(
      loads([1: 1, 4: 1, 7: 1, 9: 1, 2: 0.4]), layer: 0, at: 0, start: 1, in: &instances)
    #expect(instances.count == 4, "0.4 requests are not worth it")
    #expect(instances.count(on: 0) == 2 && instances.count(on: 1) == 2)
    // Whatever the time, they wait for the layer; then those that are expected again stay.
    instances.unloadExpired(at: 50)
    #expect(instances.count == 4)
    instances.release(layer: 0, at: 50, keep: 1)
    placement().prepare(loads([1: 1, 4: 1]), layer: 0, at: 50, start: 51, in: &instances)
    instances.unloadExpired(at: 60)
    #expect(gpus(instances, 1).count == 1 && gpus(instances, 4).count == 1)
    #expect(instances.count == 2 && instances.account.loads == 4)
  }

  @Test func aStragglerIsCopied() {
    var instances = instances()
    let skewed = loads([0: 1000, 1: 10, 2: 10])
    placement().prepare(skewed, layer: 0, at: 0, start: 1, in: &instances)
    #expect(gpus(instances, 0) == [0, 1] && instances.count == 4)
    var alone = self.instances()
    placement { $0.straggler = 2 }.prepare(skewed, layer: 0, at: 0, start: 1, in: &alone)
    #expect(alone.count == 3, "twice a GPU's share is all of the layer's work")
  }

  /// Moving from one GPU to the other takes 60 us, and evens out 6.
  @Test func localityHoldsAgainstBalance() {
    func moved(locality: Double) -> Int {
      var instances = instances()
      for expert in [0, 1, 2, 3] {
        instances.bring(ExpertKey(layer: 0, expert: expert), to: 0, at: 0, keep: 10)
      }
      placement { $0.locality = locality }.prepare(
        loads([0: 1, 1: 1, 2: 1, 3: 1]), layer: 0, at: 1, start: 2, in: &instances)
      return instances.account.loads - 4
    }
    #expect(moved(locality: 1) == 0)
    #expect(moved(locality: 0) == 2)
  }

  /// An expert that is expected elsewhere does not stay where it was, but until its layer has run.
  @Test func noMoreCopiesStayThanAreExpected() {
    var instances = instances()
    for gpu in [0, 1] {
      instances.bring(ExpertKey(layer: 0, expert: 0), to: gpu, at: 0, keep: 10)
    }
    placement().prepare(loads([0: 1]), layer: 0, at: 1, start: 2, in: &instances)
    instances.unloadExpired(at: 3)
    #expect(gpus(instances, 0) == [0, 1])
    instances.release(layer: 0, at: 3, keep: 10)
    instances.unloadExpired(at: 4)
    #expect(gpus(instances, 0) == [0])
  }

  /// Of GPUs that are as near, experts that nobody brought are spread over all.
  @Test func coldStartsAreSpread() {
    var instances = instances()
    for (turn, expert) in [3, 5, 8, 9].enumerated() {
      let counts = (0..<12).map { $0 == expert ? 1 : 0 }
      _ = placement { $0.keepAlive = 100 }
        .serve(counts, layer: 0, at: Double(turn), in: &instances)
    }
    #expect(instances.count(on: 0) == 2 && instances.count(on: 1) == 2)
  }

  @Test func nothingIsBroughtWhereThereIsNoRoom() {
    var instances = instances(rooms: 1)
    placement().prepare(
      loads([0: 4, 1: 3, 2: 2]), layer: 0, at: 0, start: 1, in: &instances)
    #expect(instances.count == 2 && gpus(instances, 2).isEmpty)
  }

  /// Every request of every expert is computed once, whatever was there before.
  @Test(arguments: [1, 2, 6, 12]) func noRequestIsLostOrTwice(rooms: Int) {
    var random = SeededGenerator(seed: UInt64(rooms))
    var instances = instances(rooms: max(rooms, 6))
    let placement = placement { $0.keepAlive = 1e-4 }
    var now = 0.0
    for _ in 0..<200 {
      now += Double.random(in: 0..<1e-3, using: &random)
      let guess = (0..<12).map { _ in Double.random(in: 0..<3, using: &random) }
      placement.prepare(guess, layer: 0, at: now, start: now + 1e-4, in: &instances)
      let counts = (0..<12).map { _ in
        max(0, Int.random(in: -300..<600, using: &random))
      }
      let work = placement.serve(counts, layer: 0, at: now, in: &instances)
      var served = Array(repeating: 0, count: 12)
      for task in work.tasks {
        served[Int(task.expert)] += Int(task.requests)
        #expect(gpus(instances, Int(task.expert)).contains(Int(task.die)))
      }
      #expect(served == counts)
      #expect(
        instances.count(on: 0) <= instances.rooms && instances.count(on: 1) <= instances.rooms)
    }
    #expect(instances.account.peak <= 2 * instances.rooms)
  }

  @Test func aColdStartIsWaitedFor() {
    var instances = instances()
    var work = placement().serve(
      [0, 100] + Array(repeating: 0, count: 10), layer: 0, at: 0, in: &instances)
    #expect(work.coldStarts == 1 && work.lateArrivals == 0)
    #expect(
      abs(work.lateSeconds - (600e-6 + 6.8e-6)) < 1e-9, "600 us, then 6 us and 100 times 8 ns")
    // Half way through it is late, then it is there.
    work = placement().serve(
      [0, 1] + Array(repeating: 0, count: 10), layer: 0, at: 300e-6, in: &instances)
    #expect(work.coldStarts == 0 && work.lateArrivals == 1)
    #expect(abs(work.lateSeconds - (300e-6 + 6.008e-6)) < 1e-9)
    work = placement().serve(
      [0, 1] + Array(repeating: 0, count: 10), layer: 0, at: 1e-3, in: &instances)
    #expect(work.lateSeconds == 0 && work.coldStarts + work.lateArrivals == 0)
    #expect(instances.account.loads == 1)
  }

  /// A layer that needs every place gets it, from whatever else lies there.
  @Test func oneLayerAlwaysFits() {
    var instances = ExpertInstances(
      layers: 2, experts: 12, rooms: 6, store: 2, expert: ServerlessSamples.expert, on: fabric)
    let placement = placement()
    for layer in [0, 1, 0] {
      let work = placement.serve(
        Array(repeating: 5, count: 12), layer: layer, at: 0, in: &instances)
      #expect(work.tasks.reduce(0) { $0 + $1.requests } == 60)
      #expect(instances.count == 12)
    }
    #expect(instances.account.evictions == 24)
  }
}
