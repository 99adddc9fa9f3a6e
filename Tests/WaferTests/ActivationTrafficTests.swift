import Demand
import RoutingTrace
import Testing
import WaferSamples

@testable import Wafer

struct ActivationTrafficTests {
  /// The busiest link's seconds for a uniform router's tokens, experts computed at home.
  private func busiest(
    _ model: ModelShape, batch: Int, on hardware: Hardware, _ ways: ActivationOptions.Ways
  ) -> (dispatch: Double, combine: Double) {
    var random = SeededGenerator(seed: 1)
    var chosen: [UInt16] = []
    for _ in 0..<batch {
      var ids: [UInt16] = []
      while ids.count < model.topK {
        let id = UInt16(Int.random(in: 0..<model.experts, using: &random))
        if !ids.contains(id) { ids.append(id) }
      }
      chosen += ids
    }
    var counts = Array(repeating: 0, count: model.experts)
    for id in chosen { counts[Int(id)] += 1 }
    let fabric = Fabric(hardware)
    let homes = HomePlacement.contiguous.homes(experts: model.experts, on: fabric)
    let plan = expertParallelPlan(
      counts: counts, holders: Holders(homes: homes), dies: fabric.dies)
    var options = ActivationOptions()
    options.ways = ways
    let traffic = ActivationTraffic(
      of: plan, experts: model.experts, chosen: chosen, topK: model.topK, hidden: model.hidden,
      options, on: fabric)
    return (
      ActivationTraffic.busiest(traffic.dispatch, on: fabric),
      ActivationTraffic.busiest(traffic.combine, on: fabric)
    )
  }

  /// DeepSeek-V3, 16,384 tokens of 8 experts, 16-bit numbers: an independent estimate has 55 and 42
  /// us on the busiest link of a 5 x 5 mesh, 96 and 59 of a 3 x 8 one.
  @Test(arguments: [("dojo", 55.0, 42.0), ("sow", 96.0, 59.0)])
  func deepSeekOnMeshes(system: String, unicast: Double, multicast: Double) throws {
    let model = try #require(ModelShape.named("deepseek-v3"))
    let hardware = try #require(try Hardware.shipped(system))
    let one = busiest(model, batch: 16384, on: hardware, .unicast)
    let many = busiest(model, batch: 16384, on: hardware, .multicast)
    #expect(abs(one.dispatch * 1e6 - unicast) < 1, "\(one.dispatch * 1e6)")
    #expect(abs(many.dispatch * 1e6 - multicast) < 1, "\(many.dispatch * 1e6)")
    // As many bytes come back, over other links.
    #expect(one.combine > 0.9 * one.dispatch && one.combine < 1.1 * one.dispatch)
    #expect(many.combine < one.combine)
  }

  /// Three dies in a row, by hand: slot 0 at home on die 0 asks dies 1 and 2, slot 1 on die 1 only
  /// its own, slot 2 on die 2 die 0.
  @Test func waysByHand() {
    var hardware = Hardware()
    (hardware.columns, hardware.rows, hardware.linkBandwidth) = (3, 1, 1e12)
    let fabric = Fabric(hardware)
    let plan = [
      ExpertTask(expert: 0, die: 0, requests: 1, source: 0),
      ExpertTask(expert: 1, die: 1, requests: 2, source: 1),
      ExpertTask(expert: 2, die: 2, requests: 2, source: 2),
    ]
    let chosen: [UInt16] = [1, 2, 1, 9, 0, 2]
    func traffic(_ ways: ActivationOptions.Ways) -> ActivationTraffic {
      var options = ActivationOptions()
      (options.ways, options.dispatchBytes, options.combineBytes) = (ways, 1, 2)
      return ActivationTraffic(
        of: plan, experts: 3, chosen: chosen, topK: 2, hidden: 10, options, on: fabric)
    }
    func bytes(_ values: [Double], _ from: Int, _ to: Int) -> Double {
      values[Int(fabric.way(from: from, to: to).first ?? -1)]
    }
    let one = traffic(.unicast)
    #expect(bytes(one.dispatch, 0, 1) == 20 && bytes(one.dispatch, 1, 2) == 10)
    #expect(bytes(one.dispatch, 2, 1) == 10 && bytes(one.dispatch, 1, 0) == 10)
    #expect(bytes(one.combine, 1, 0) == 40 && bytes(one.combine, 2, 1) == 20)
    #expect(bytes(one.combine, 0, 1) == 20 && bytes(one.combine, 1, 2) == 20)
    let many = traffic(.multicast)
    #expect(bytes(many.dispatch, 0, 1) == 10 && bytes(many.dispatch, 1, 2) == 10)
    #expect(bytes(many.combine, 1, 0) == 20 && bytes(many.combine, 2, 1) == 20)
    // Two links there, two back.
    #expect(abs(one.latency - 4 * hardware.linkLatency) < 1e-18)
  }

  /// Requests of one expert that two dies share go to both, as many as their tasks say.
  @Test func sharedExpertsServeTheirShare() {
    var hardware = Hardware()
    (hardware.columns, hardware.rows) = (2, 1)
    let fabric = Fabric(hardware)
    let plan = [
      ExpertTask(expert: 0, die: 1, requests: 3, source: 0),
      ExpertTask(expert: 0, die: 0, requests: 1, source: 0),
    ]
    var options = ActivationOptions()
    options.ways = .unicast
    let traffic = ActivationTraffic(
      of: plan, experts: 1, chosen: [0, 0, 0, 0], topK: 1, hidden: 1, options, on: fabric)
    // Slots 0 and 2 from die 0 to die 1, slot 1 is there; slot 3, at home on die 1, goes to die 0.
    #expect(traffic.dispatch.sorted() == [2, 4])
  }

  /// Links carry weights and activations; the event engine refuses them.
  @Test func boundAddsThemToWeights() throws {
    let pool = try Samples.pool()
    var simulation = Simulation(
      hardware: Samples.hardware, model: Samples.model, batch: 64, steps: 2,
      strategy: .expertParallel)
    let without = try simulation.run(pool, transitions: nil)
    #expect(without.mean(\.linkSeconds) == 0 && without.mean(\.dispatchSeconds) == 0)
    simulation.options.activations.ways = .unicast
    let with = try simulation.run(pool, transitions: nil)
    #expect(with.mean(\.dispatchSeconds) > 0 && with.mean(\.linkSeconds) > 0)
    #expect(with.mean(\.linkSeconds) >= with.mean(\.dispatchSeconds))
    #expect(with.meanLayerSeconds > without.meanLayerSeconds)
    simulation.engine = .event(EventEngine())
    #expect(throws: SimulationError.self) { try simulation.run(pool, transitions: nil) }
  }
}
