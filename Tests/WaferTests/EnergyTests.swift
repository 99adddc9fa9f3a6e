import Testing

@testable import Wafer

struct EnergyTests {
  /// A die that reads 1 GB over one link from another and computes 1e12 operations, by hand.
  @Test func bitsAndOperationsByHand() {
    var hardware = Hardware()
    (hardware.columns, hardware.rows) = (2, 1)
    (hardware.hbmPicojoules, hardware.linkPicojoules, hardware.computePicojoules) = (4, 2, 0.5)
    let fabric = Fabric(hardware)
    let expert = ExpertCost(
      weightBytes: 1e9, flopsPerRequest: 1e12, activationBytesPerRequest: 0)
    let result = BoundEngine().run(
      [ExpertTask(expert: 0, die: 0, requests: 1, source: 1)], copies: [], expert: expert,
      on: fabric)
    let energy = fabric.energy(of: result.busy ?? .none)
    #expect(abs(energy.memory - 8e9 * 4e-12) < 1e-12)
    #expect(abs(energy.links - 8e9 * 2e-12) < 1e-12)
    #expect(abs(energy.compute - 0.5) < 1e-12)
    #expect(energy.total == energy.memory + energy.links + energy.compute)
  }

  @Test func scaleOutLinksHaveFiguresOfTheirOwn() throws {
    var hardware = try #require(try Hardware.shipped("nvl72"))
    (hardware.rows, hardware.scaleOutPicojoules, hardware.linkPicojoules) = (2, 11, 3)
    let fabric = Fabric(hardware)
    let expert = ExpertCost(weightBytes: 1e9, flopsPerRequest: 0, activationBytesPerRequest: 0)
    func links(from source: Int) -> Double {
      let result = BoundEngine().run(
        [ExpertTask(expert: 0, die: 0, requests: 1, source: source)], copies: [], expert: expert,
        on: fabric)
      return fabric.energy(of: result.busy ?? .none).links
    }
    // Two links of a way each.
    #expect(abs(links(from: 1) - 2 * 0.024) < 1e-12)
    #expect(abs(links(from: 72) - 2 * 0.088) < 1e-12)
  }

  @Test func theHostHasFiguresOfItsOwn() throws {
    var hardware = try #require(try Hardware.shipped("pcie-1"))
    (hardware.hostPicojoules, hardware.hostLinkPicojoules) = (10, 7)
    let fabric = Fabric(hardware)
    let host = fabric.dies
    let expert = ExpertCost(weightBytes: 1e9, flopsPerRequest: 0, activationBytesPerRequest: 0)
    let result = BoundEngine().run(
      [ExpertTask(expert: 0, die: 0, requests: 1, source: host)], copies: [], expert: expert,
      on: fabric)
    let energy = fabric.energy(of: result.busy ?? .none)
    #expect(abs(energy.memory - 0.08) < 1e-12 && abs(energy.links - 0.056) < 1e-12)
  }
}
