import Demand
import RoutingTrace
import Testing
import WaferSamples

@testable import Wafer

/// Memories behind the dies: as files list them, and what has its home in them.
struct MemoryTierTests {
  private static let ssd = """
    {"name": "ssd", "capacity_bytes": 8e12, "bandwidth_bytes_per_second": 14e9,
      "latency_seconds": 50e-6, "link_bandwidth_bytes_per_second": 14e9}
    """

  private func system(_ members: String) throws -> Hardware {
    try Hardware(json: Array("{\"base\": \"pcie-1\", \(members)}".utf8), from: "mine.json")
  }

  private func homes(_ hardware: Hardware, _ format: WeightFormat = .bf16) throws -> [Int] {
    let model = try #require(ModelShape.named("llama-4-maverick"))
    let (fabric, expert) = (Fabric(hardware), ExpertCost(shape: model, format: format))
    return HomePlacement.contiguous.homes(
      experts: model.experts, on: fabric, rooms: expert.rooms(of: model, on: fabric))
  }

  @Test func aFileListsThem() throws {
    let hardware = try system("\"tiers\": [\(Self.ssd)]")
    #expect(hardware.memoryTiers.map(\.name) == ["host", "ssd"])
    #expect(hardware.tiers[0].bandwidth == 14e9 && hardware.tiers[0].linkLatency == 1e-6)
    let fabric = Fabric(hardware)
    #expect(fabric.nodes == 3 && fabric.memoryBandwidth == [3.35e12, 200e9, 14e9])
    #expect(fabric.hops(from: 2, to: 0) == 1 && fabric.memoryLatency[2] == 50e-6)
    #expect(fabric.linkBandwidth.contains(14e9) && fabric.tier(of: 2)?.name == "ssd")
    #expect(fabric.tier(of: 0) == nil)
  }

  /// 24 layers of experts of 252 MB: 512 GB hold 84 a layer, the rest lies in the SSD.
  @Test func whatDoesNotFitLiesInTheNext() throws {
    let near = try system("\"host_capacity_bytes\": 512e9, \"tiers\": [\(Self.ssd)]")
    let placed = try homes(near)
    #expect(placed.count { $0 == 1 } == 84 && placed.count { $0 == 2 } == 44)
    #expect(placed == placed.sorted())
    // In eight bits all of them fit into the host.
    #expect(try homes(near, .fp8).allSatisfy { $0 == 1 })
    // On the die first: 72 GB hold 11 a layer, half of it 5.
    var onDie = near
    onDie.expertHome = .hbm
    #expect(try homes(onDie).count { $0 == 0 } == 11)
    onDie.hbmHomeFraction = 0.5
    #expect(try homes(onDie).count { $0 == 0 } == 5)
  }

  /// Every layer reads 3 experts or so: those of the SSD take 18 ms each, those of the host 4.6.
  @Test func aFarMemoryIsSlower() throws {
    let model = try #require(ModelShape.named("llama-4-maverick"))
    let expert = ExpertCost(shape: model, format: .bf16)
    let fabric = Fabric(try system("\"tiers\": [\(Self.ssd)]"))
    func seconds(_ node: Int) -> Double {
      let task = ExpertTask(expert: 0, die: 0, requests: 1, source: node)
      return BoundEngine().run([task], copies: [], expert: expert, on: fabric).seconds
    }
    #expect(abs(seconds(1) - (expert.weightBytes / 55e9)) < 0.1e-3)
    #expect(abs(seconds(2) - (expert.weightBytes / 14e9)) < 0.1e-3)
    let busy = BoundEngine().run(
      [ExpertTask(expert: 0, die: 0, requests: 1, source: 2)], copies: [], expert: expert,
      on: fabric)
    let joules = fabric.energy(of: try #require(busy.busy))
    #expect(joules.links > 0.99 * expert.weightBytes * 8 * 6e-12)
  }

  @Test func aShortageNamesEveryMemory() throws {
    let model = try #require(ModelShape.named("llama-4-maverick"))
    let expert = ExpertCost(shape: model, format: .bf16)
    var hardware = try system("\"host_capacity_bytes\": 512e9, \"tiers\": [\(Self.ssd)]")
    func shortage() -> String? {
      let fabric = Fabric(hardware)
      return ExpertPlacement(
        .contiguous, layers: 24, experts: 128, on: fabric,
        rooms: expert.rooms(of: model, on: fabric)
      ).shortage(of: model, expert: expert, by: .contiguous, on: fabric)
    }
    #expect(shortage() == nil)
    try hardware.apply(override: "ssd.capacity_bytes=100e9")
    let told = try #require(shortage())
    #expect(
      told.contains("take 773.1 GB, but mine has 512.0 GB in the host, 100.0 GB in the ssd"))
    #expect(told.contains("in fp8 they would take 386.5 GB"))
  }

  @Test(arguments: [
    (#""tiers": 5"#, "tiers is a list of memories in a file"),
    (#""tiers": [5]"#, "'tiers' is a list of memories, each an object"),
    (#""tiers": [{"name": "ssd"}]"#, "tier ssd does not say capacity_bytes, bandwidth"),
    (#""tiers": [{"capacity_bytes": 1}]"#, "a tier needs a name"),
    (#""tiers": [{"name": "ssd", "capcity_bytes": 1}]"#, "did you mean capacity_bytes?"),
    (#""tiers": [{"name": "ssd", "latency_seconds": -1}]"#, "ssd.latency_seconds must be"),
    (#""tiers": [{"name": "ssd", "tiers": []}]"#, "only tiers is a list"),
    ("\"tiers\": [\(ssd), \(ssd)]", "two memories have one name"),
    ("\"tiers\": [\(ssd),]", "each an object"),
    ("\"tiers\": [\(ssd)", "closing bracket is missing"),
  ]) func badListsAreRefused(members: String, problem: String) {
    #expect {
      _ = try system(members)
    } throws: { error in
      "\(error)".contains(problem) && "\(error)".hasPrefix("mine.json")
    }
  }

  @Test func anOverrideNamesATier() throws {
    var hardware = try system("\"tiers\": [\(Self.ssd)]")
    try hardware.apply(override: "ssd.bandwidth_bytes_per_second=7e9")
    #expect(hardware.tiers[0].bandwidth == 7e9)
    #expect(throws: HardwareError.self) { try hardware.apply(override: "ssd.speed=1") }
    #expect(throws: HardwareError.self) { try hardware.apply(override: "disk.latency_seconds=1") }
  }
}
