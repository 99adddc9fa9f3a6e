import Demand
import RoutingTrace
import Testing
import Wafer
import WaferSamples

@testable import Placement

@Suite struct PlacementJudgeTests {
  /// Two GPUs behind a switch of easy figures.
  private func hardware(gpus: Int = 2) throws -> Hardware {
    var hardware = Hardware()
    for override in [
      "topology=switch", "columns=\(gpus)", "rows=1", "hbm_bandwidth_bytes_per_second=1e9",
      "compute_flops_per_second=1e15", "link_bandwidth_bytes_per_second=1e6",
      "link_latency_seconds=1e-3",
    ] {
      try hardware.apply(override: override)
    }
    return hardware
  }

  /// Experts of 6 MB; tokens of 1,000 numbers.
  private let model = ModelShape(
    name: "sample", layers: 1, moeLayers: 0..<1, experts: 4, sharedExperts: 0, topK: 2,
    hidden: 1000, intermediate: 1000)

  private func pool(_ ids: [UInt16]) throws -> RequestPool {
    var pool = RequestPool(shape: try model.traceShape())
    pool.add(ids)
    return pool
  }

  private func contiguous(redundant: Int = 0) throws -> SlotMap {
    try Contiguous().place(
      PlacementEvidence(loads: [[1, 1, 1, 1]]),
      on: DeviceLayout(experts: 4, gpus: 2, redundant: redundant))
  }

  @Test func balanceIsAsTheEnginesHaveIt() {
    #expect(abs(GPUBalance.sglang([3, 1]) - 2.00001 / 3.00001) < 1e-12)
    #expect(GPUBalance.sglang([0, 0]) == 1)
    #expect(GPUBalance.tensorRT([3, 1]) == 0.5)
    #expect(GPUBalance.tensorRT([0, 0]) == 0)
  }

  /// Tokens 0 and 2 live on GPU 0, 1 on GPU 1; experts 0 and 1 lie on GPU 0.
  @Test func aBatchIsJudgedAsByHand() throws {
    let pool = try pool([0, 1, 0, 1, 1, 2])
    let judge = PlacementJudge(try hardware(), model: model)
    let figures = judge.figures(of: try contiguous(), on: pool, batches: [[0, 1, 2]])
    // Five requests on GPU 0, one on GPU 1.
    #expect(abs(figures.balancedness - 3.00001 / 5.00001) < 1e-12)
    #expect(abs(figures.imbalance - 2.0 / 3) < 1e-12)
    #expect(abs(figures.maxOverMean - 5.0 / 3) < 1e-12)
    // Token 1 goes to GPU 0 once, though two experts are there; token 2 to GPU 1.
    #expect(figures.messagesPerToken == 2.0 / 3)
    #expect(figures.traffic == [[0, 2000], [2000, 0]])
    #expect(figures.dispatchBytes == 4000 && figures.combineBytes == 4000)
    #expect(figures.dispatchBytesBetweenNodes == 0)
    // Two experts of 6 MB and five requests of 8,000 bytes at 1 GB/s.
    #expect(abs(figures.expertSeconds - 12.04e-3) < 1e-9)
    // 2,000 bytes a link at 1 MB/s and two links of 1 ms, there and back.
    #expect(abs(figures.layerSeconds - (12.04e-3 + 2 * (2e-3 + 2e-3))) < 1e-9)
  }

  @Test func tokensFromNodeToNodeAreCounted() throws {
    let layout = try DeviceLayout(experts: 4, gpus: 4, nodes: 2)
    let map = try SlotMap(layout: layout, experts: 4, slots: [[0, 1, 2, 3]])
    let judge = PlacementJudge(try hardware(gpus: 4), model: model)
    // Token 0 lives on GPU 0: to GPU 1 within the node, to GPU 2 in the other.
    let figures = judge.figures(of: map, on: try pool([1, 2]), batches: [[0]])
    #expect(figures.dispatchBytes == 4000)
    #expect(figures.dispatchBytesBetweenNodes == 2000 && figures.combineBytesBetweenNodes == 2000)
  }

  /// Expert 0 lies on both GPUs; expert 2 on GPU 0, expert 3 on GPU 1.
  @Test func copiesShareTokensOrServeTheNearest() throws {
    let layout = try DeviceLayout(experts: 4, gpus: 2, redundant: 2)
    let map = try SlotMap(layout: layout, experts: 4, slots: [[2, 1, 0, 3, 0, 1]])
    // Slots 0, 2, 4 live on GPU 0 and choose expert 0, slots 1, 3, 5 on GPU 1 choose expert 3.
    let pool = try pool([0, 2, 3, 1])
    let batch = [[0, 1, 0, 1, 0, 1]]
    var judge = PlacementJudge(try hardware(), model: model)
    // In turn: GPU 0, GPU 1, GPU 0; expert 2 stays, expert 3 too, expert 1 is in turn as well.
    let even = judge.figures(of: map, on: pool, batches: batch)
    #expect(even.traffic == [[0, 2000], [4000, 0]])
    judge.copies = .nearest
    let near = judge.figures(of: map, on: pool, batches: batch)
    #expect(near.traffic == [[0, 0], [0, 0]])
  }

  @Test func copiesOfTheOwnNodeComeFirst() throws {
    let layout = try DeviceLayout(experts: 4, gpus: 4, nodes: 2, redundant: 4)
    let map = try SlotMap(layout: layout, experts: 4, slots: [[1, 2, 0, 3, 0, 1, 2, 3]])
    var judge = PlacementJudge(try hardware(gpus: 4), model: model)
    judge.copies = .nearest
    // Expert 0 lies on GPUs 1 and 2: the token of GPU 0 goes to 1, that of GPU 3 to 2.
    let one = ModelShape(
      name: "one", layers: 1, moeLayers: 0..<1, experts: 4, sharedExperts: 0, topK: 1, hidden: 1000,
      intermediate: 1000)
    var zeros = RequestPool(shape: try one.traceShape())
    zeros.add([0])
    let traffic = judge.figures(of: map, on: zeros, batches: [[0, 0, 0, 0]]).traffic
    #expect(traffic[0] == [0, 2000, 0, 0] && traffic[3] == [0, 0, 2000, 0])
    #expect(traffic[1] == [0, 0, 0, 0] && traffic[2] == [0, 0, 0, 0])
  }

  @Test func expertsThatDoNotFitAreRefused() throws {
    var small = try hardware()
    try small.apply(override: "hbm_capacity_bytes=10e6")
    let judge = PlacementJudge(small, model: model)
    let layout = try DeviceLayout(experts: 4, gpus: 2)
    let error = #expect(throws: PlacementError.self) { try judge.check(layout, modelLayers: 10) }
    #expect(error?.description.contains("2 experts a GPU in each of 10 layers") == true)
    try small.apply(override: "hbm_capacity_bytes=200e6")
    try PlacementJudge(small, model: model).check(layout, modelLayers: 10)
  }
}

@Suite struct JudgedPlacementsTests {
  private func judged(workers: Int, draws: Int = 20) throws -> JudgedPlacements {
    let pool = try Samples.pool()
    let layout = try DeviceLayout(experts: 12, gpus: 4)
    let evidence = try PlacementEvidence(of: pool, batch: 16)
    var hardware = Hardware()
    for override in ["topology=switch", "columns=4", "rows=1"] {
      try hardware.apply(override: override)
    }
    let maps = try [Contiguous() as any PlacementAlgorithm, Worst()].map {
      try $0.place(evidence, on: layout)
    }
    return try JudgedPlacements(
      maps, on: pool, by: PlacementJudge(hardware, model: Samples.model), batch: 16, steps: 4,
      seed: 3, draws: draws, workers: workers)
  }

  @Test func intervalsLieAroundValuesAndDoNotDependOnThreads() throws {
    let one = try judged(workers: 1)
    let two = try judged(workers: 2)
    for placement in 0..<2 {
      let estimate = one.estimate(placement) { $0.imbalance }
      #expect(estimate == two.estimate(placement) { $0.imbalance })
      let (low, high) = (try #require(estimate.low), try #require(estimate.high))
      #expect(low < estimate.value && estimate.value < high)
    }
    #expect(one.saving(0, over: 0) { $0.expertSeconds }.value == 0)
    #expect(one.saving(0, over: 0) { $0.expertSeconds }.high == 0)
    let worst = one.saving(1, over: 0) { $0.imbalance }
    #expect(worst.value < 0)
    #expect(one.figures[1].imbalance > one.figures[0].imbalance)
  }

  @Test func drawsTellOfSpreadAlone() {
    let estimate = PlacementEstimate(10, draws: [22, 20, 21])
    #expect(estimate.low == 9 && estimate.high == 11)
  }

  @Test func withoutDrawsThereIsNoInterval() throws {
    #expect(try judged(workers: 1, draws: 0).estimate(0) { $0.imbalance }.low == nil)
  }

  /// Slots have turned their requests over, and steps lie apart.
  @Test func batchesAreThoseOfALongRun() throws {
    let pool = try Samples.pool()
    let batches = JudgedPlacements.batches(of: pool, size: 5, steps: 3, seed: 1)
    #expect(batches.count == 3 && batches.allSatisfy { $0.count == 5 })
    // Mean length 8: steps 2 apart of the same queue.
    let all = BatchPolicy.continuous(seed: 1).batches(of: pool, size: 5, steps: 16)
    #expect(batches == [all[11], all[13], all[15]])
  }
}
