import Demand
import Placement
import RoutingTrace
import Testing
import Wafer

@Suite struct ReplacementTests {
  private let model = ModelShape(
    name: "sample", layers: 1, moeLayers: 0..<1, experts: 4, sharedExperts: 0, topK: 1,
    hidden: 1000, intermediate: 1000)

  /// Two GPUs; moving an expert of 6 MB takes 6 MB over the link.
  private func judge(linkBytes: String) throws -> PlacementJudge {
    var hardware = Hardware()
    for override in [
      "topology=switch", "columns=2", "rows=1", "link_latency_seconds=0",
      "hbm_bandwidth_bytes_per_second=1e9", "compute_flops_per_second=1e9",
      "link_bandwidth_bytes_per_second=\(linkBytes)",
    ] {
      try hardware.apply(override: override)
    }
    return PlacementJudge(hardware, model: model)
  }

  private func map(_ slots: [Int]) throws -> SlotMap {
    try SlotMap(layout: DeviceLayout(experts: 4, gpus: 2), experts: 4, slots: [slots])
  }

  @Test func movesAreExpertsThatAGPULacked() throws {
    let judge = try judge(linkBytes: "1e6")
    func moves(_ old: [Int], _ new: [Int]) throws -> WeightMoves {
      WeightMoves(
        from: try map(old), to: try map(new), layer: 0, expert: judge.expert, on: judge.fabric)
    }
    #expect(try moves([0, 1, 2, 3], [1, 0, 3, 2]).experts == 0)
    let swap = try moves([0, 1, 2, 3], [0, 2, 1, 3])
    #expect(swap.experts == 2 && swap.bytes == 12e6)
    // Each GPU sends and takes one at once.
    #expect(abs(swap.seconds - 6) < 1e-9)
    let exchange = try moves([0, 1, 2, 3], [2, 3, 0, 1])
    #expect(abs(exchange.seconds - 12) < 1e-9)
  }

  @Test func sharesGoToTheGPUsThatHoldThem() throws {
    let old = try map([0, 1, 2, 3])
    #expect(try map([3, 2, 1, 0]).aligned(to: old).slots == [[1, 0, 3, 2]])
    #expect(try map([0, 2, 1, 3]).aligned(to: old).slots == [[0, 2, 1, 3]])
  }

  /// Experts 0 and 1, on one GPU, are all that is asked for.
  private func run(
    _ policy: Replacement.Policy, linkBytes: String, tokens: Int = 60
  ) throws -> Replacement.Result {
    var pool = RequestPool(shape: try model.traceShape())
    pool.add((0..<tokens).map { UInt16($0 % 2) })
    let batches = (0..<tokens / 10).map { Array($0 * 10..<($0 + 1) * 10) }
    let judge = try judge(linkBytes: linkBytes)
    return try Replacement(judge, algorithm: Greedy(), every: 2).run(
      from: map([0, 1, 2, 3]), on: pool, batches: batches, policy)
  }

  @Test func weightsMoveWhereTheyPay() throws {
    // A layer takes 60 ms of compute on the one GPU, 30 where experts are shared.
    let fast = "1e10"
    let never = try run(.never, linkBytes: fast)
    let paying = try run(.paying, linkBytes: fast)
    #expect(never.movingSeconds == 0 && never.chances == 0)
    #expect(paying.movedLayers == 1 && paying.movedBytes == 12e6)
    #expect(paying.seconds < never.seconds)
    // Once at rest nothing moves, so doing it always is the same.
    #expect(try run(.always, linkBytes: fast) == paying)
  }

  @Test func weightsStayWhereMovingTakesLonger() throws {
    let slow = "1e6"
    let never = try run(.never, linkBytes: slow)
    let paying = try run(.paying, linkBytes: slow)
    let always = try run(.always, linkBytes: slow)
    #expect(paying.movedLayers == 0 && paying.chances == 2)
    #expect(paying.seconds == never.seconds)
    #expect(always.movedLayers == 1 && always.seconds > never.seconds)
    #expect(always.servingSeconds < never.servingSeconds)
  }

  @Test func noStepsAreRefused() throws {
    #expect(throws: PlacementError.self) {
      try Replacement(judge(linkBytes: "1e6"), algorithm: Greedy(), every: 0)
    }
  }
}
