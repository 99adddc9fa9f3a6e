import Demand
import RoutingTrace
import Testing
import WaferSamples

@testable import Wafer

/// Whether a model's experts fit where they lie, by the figures of real models.
struct HomeCapacityTests {
  private func shortage(
    _ model: String, _ format: WeightFormat, on system: String, _ overrides: String...
  ) throws -> String? {
    let model = try #require(ModelShape.named(model))
    var hardware = try #require(try Hardware.shipped(system))
    for override in overrides { try hardware.apply(override: override) }
    let fabric = Fabric(hardware)
    let homes = ExpertPlacement(
      .contiguous, layers: model.moeLayers.count, experts: model.experts, on: fabric)
    return homes.shortage(
      of: model, expert: ExpertCost(shape: model, format: format), by: .contiguous, on: fabric)
  }

  /// 24 layers of 128 experts of 252 MB; 8 dies of 72 GB.
  @Test func eightGPUsDoNotHoldLlama4InSixteenBits() throws {
    let told = try #require(try shortage("llama-4-maverick", .bf16, on: "nvlink-8"))
    #expect(told.contains("take 773.1 GB, but nvlink-8 has 576.0 GB"))
    #expect(told.contains("of die 0's 72.0 GB they would take 96.6 GB"))
    #expect(told.contains("they fit in fp8, or 12 such dies hold them as they are"))
    #expect(told.contains("--ignore-capacity"))
    #expect(try shortage("llama-4-maverick", .fp8, on: "nvlink-8") == nil)
    #expect(
      try shortage("llama-4-maverick", .bf16, on: "nvlink-8", "columns=12") == nil)
    #expect(
      try shortage("llama-4-maverick", .bf16, on: "nvlink-8", "columns=11") != nil)
  }

  @Test func dojoHoldsKimiInEightBitsAlone() throws {
    let told = try #require(try shortage("kimi-k2", .bf16, on: "dojo"))
    #expect(told.contains("take 2029.4 GB, but dojo has 1800.0 GB"), "\(told)")
    #expect(try shortage("kimi-k2", .fp8, on: "dojo") == nil)
    for model in ["deepseek-v3", "llama-4-maverick", "qwen3-235b-a22b"] {
      #expect(try shortage(model, .fp8, on: "dojo") == nil)
    }
  }

  @Test func oneDieHoldsLittle() throws {
    let told = try #require(
      try shortage("llama-4-maverick", .mxfp4, on: "dojo", "columns=1", "rows=1"))
    #expect(!told.contains("fit in") && told.contains("such dies hold them"))
  }

  /// What is kept beside experts comes first, also where experts live in the host.
  @Test(arguments: ["dojo", "pcie-1"]) func theCacheMustFitToo(system: String) throws {
    #expect(
      try shortage("llama-4-maverick", .fp8, on: system, "hbm_other_bytes=50e9") == nil)
    let told = try #require(
      try shortage("llama-4-maverick", .fp8, on: system, "hbm_other_bytes=100e9"))
    #expect(told.contains("80.0 GB, the system keeps 8.0 GB and KV cache"), "\(told)")
    #expect(told.contains("experts take 100.0 GB; take smaller batches"), "\(told)")
  }

  @Test func aHostHoldsWhatItsMemoryDoes() throws {
    #expect(try shortage("llama-4-maverick", .bf16, on: "pcie-1") == nil)
    let told = try #require(
      try shortage("llama-4-maverick", .bf16, on: "pcie-1", "host_capacity_bytes=512e9"))
    #expect(told.contains("pcie-1 has 512.0 GB in the host; in fp8 they would take 386.5 GB"))
  }

  /// All that simulates refuses it, unless told to ignore it.
  @Test func simulationsRefuseUnlessToldToIgnoreIt() throws {
    let pool = try Samples.pool()
    var hardware = Samples.hardware
    // 36 experts of 6 MB: 2 of each layer on each of 6 dies.
    hardware.hbmCapacity = 39e6
    var simulation = Simulation(
      hardware: hardware, model: Samples.model, batch: 8, steps: 1, strategy: .expertParallel)
    #expect(throws: SimulationError.self) { try simulation.run(pool, transitions: nil) }
    simulation.options.enforcesCapacity = false
    #expect(try simulation.run(pool, transitions: nil).rows.count == 3)
    hardware.hbmCapacity = 41e6
    simulation = Simulation(
      hardware: hardware, model: Samples.model, batch: 8, steps: 1, strategy: .expertParallel)
    #expect(try simulation.run(pool, transitions: nil).rows.count == 3)
  }
}
