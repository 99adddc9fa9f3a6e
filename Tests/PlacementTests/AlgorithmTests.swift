import Placement
import RoutingTrace
import TestSupport
import Testing
import Wafer

/// The algorithms on loads small enough to place by hand.
@Suite struct AlgorithmTests {
  /// A GPU of unit speeds: an expert's time is that of its requests alone.
  private func time(weights: Double = 0, share: Double = 1) -> ExpertTime {
    var hardware = Hardware()
    (hardware.computeFlops, hardware.hbmBandwidth) = (1, 1)
    return ExpertTime(
      ExpertCost(weightBytes: weights, flopsPerRequest: 1, activationBytesPerRequest: 0),
      on: hardware, share: share)
  }

  private func place(
    _ algorithm: any PlacementAlgorithm, _ loads: [Double], gpus: Int, redundant: Int = 0
  ) throws -> [Int] {
    let layout = try DeviceLayout(experts: loads.count, gpus: gpus, redundant: redundant)
    return try algorithm.place(try PlacementEvidence(loads: [loads]), on: layout).slots[0]
  }

  @Test func expertsAreDealtInTurn() throws {
    #expect(try place(RoundRobin(), [0, 0, 0, 0, 0, 0], gpus: 3) == [0, 3, 1, 4, 2, 5])
    // Two redundant slots go on with experts 0 and 1.
    #expect(
      try place(RoundRobin(), [0, 0, 0, 0, 0, 0], gpus: 4, redundant: 2)
        == [0, 4, 1, 5, 2, 0, 3, 1])
  }

  @Test func remapGivesTheCostliestToTheLeastLoaded() throws {
    // 9 and 7 first; then 5 to the GPU of 7, 4 to that of 9 as it has 9 < 12; 3 and 1 fill up.
    #expect(try place(Remap(time()), [9, 1, 5, 7, 3, 4], gpus: 2) == [0, 5, 1, 3, 2, 4])
  }

  @Test func remapCountsWeightsThatAreRead() throws {
    // By requests alone, the 10 lies with the 1 that is left over; with weights that take 8 seconds
    // whatever is asked, all others cost the same and the first of them is its neighbour.
    #expect(try place(Remap(time()), [10, 1, 3, 4], gpus: 2) == [0, 1, 3, 2])
    #expect(try place(Remap(time(weights: 8)), [10, 1, 3, 4], gpus: 2) == [0, 3, 1, 2])
    // A batch of a hundredth hides all differences.
    #expect(
      try place(Remap(time(weights: 8, share: 0.01)), [10, 1, 3, 4], gpus: 2) == [0, 2, 1, 3])
  }

  @Test func timeIsTheRoofline() {
    var hardware = Hardware()
    (hardware.computeFlops, hardware.computeEfficiency, hardware.hbmBandwidth) = (100, 0.5, 10)
    let time = ExpertTime(
      ExpertCost(weightBytes: 40, flopsPerRequest: 200, activationBytesPerRequest: 10),
      on: hardware)
    // The weights take 4 seconds; a request takes 4 to compute and 1 of the memory.
    #expect(time.seconds(requests: 0) == 0)
    #expect(time.seconds(requests: 1) == 5)
    #expect(time.seconds(requests: 3) == 12)
  }

  @Test func dupCopiesWhatHelpsTheFullestGPU() throws {
    // GPUs of 0-1 and 2-3 with 12 and 4: half of expert 0 moves over (7, 9), better than half of 1
    // (11, 5); then GPU 0 takes 2 or 3 to lower GPU 1's 9.
    #expect(
      try place(Dup(time()), [10, 2, 3, 1], gpus: 2, redundant: 2) == [0, 1, 2, 2, 3, 0])
    // Of four GPUs the emptiest takes half of 0 (6, 6, 3, 7); then 3, which lies beside it, moves
    // over in halves and in thirds, since of 0 no GPU can take a third.
    #expect(
      try place(Dup(time()), [12, 6, 3, 1], gpus: 4, redundant: 4) == [0, 3, 1, 3, 2, 3, 3, 0])
  }

  /// Every copy held against all others there were, loads made anew for each. They are multiples of
  /// 12, so that halves, thirds and quarters are exact.
  @Test func dupTakesTheBestCopyOfAll() throws {
    var random = SplitMix64(seed: 9)
    for _ in 0..<100 {
      let loads = (0..<8).map { _ in Double(12 * Int.random(in: 0...9, using: &random)) }
      var held = [[0, 1], [2, 3], [4, 5], [6, 7]]
      for _ in 0..<8 {
        var best: (highest: Double, squares: Double, held: [[Int]])?
        for expert in 0..<8 {
          for gpu in 0..<4 where held[gpu].count < 4 && !held[gpu].contains(expert) {
            var copied = held
            copied[gpu].append(expert)
            let sums = copied.map { own in
              own.reduce(0.0) { sum, expert in
                sum + loads[expert] / Double(copied.count { $0.contains(expert) })
              }
            }
            let (highest, squares) = (sums.max() ?? 0, sums.reduce(0) { $0 + $1 * $1 })
            if best.map({ (highest, squares) < ($0.highest, $0.squares) }) ?? true {
              best = (highest, squares, copied)
            }
          }
        }
        held = try #require(best).held
      }
      #expect(try place(Dup(time()), loads, gpus: 4, redundant: 8) == held.flatMap(\.self))
    }
  }

  @Test func greedyHasNoExpertTwiceOnAGPU() throws {
    // EPLB leaves both copies of an expert on a GPU where weights tell it so; here none is.
    var random = SplitMix64(seed: 3)
    for _ in 0..<200 {
      let gpus = Int.random(in: 1...8, using: &random)
      let experts = gpus * Int.random(in: 1...4, using: &random)
      let redundant = gpus * Int.random(in: 0...min(4, experts - experts / gpus), using: &random)
      let loads = (0..<experts).map { _ in Double(Int.random(in: 0...9, using: &random)) }
      guard let layout = try? DeviceLayout(experts: experts, gpus: gpus, redundant: redundant)
      else { continue }
      let map = try Greedy().place(try PlacementEvidence(loads: [loads]), on: layout)
      #expect(map.wastedSlots(layer: 0) == 0, "\(loads) on \(layout)")
    }
    // 8 in two copies of 4, beside 5, 3 and 2.
    #expect(try place(Greedy(), [8, 2, 3, 5, 0], gpus: 2, redundant: 1) == [3, 0, 4, 0, 2, 1])
  }

  @Test func worstPutsTheMostLoadedTogether() throws {
    #expect(try place(Worst(), [1, 9, 3, 7, 5, 2], gpus: 3) == [1, 3, 4, 2, 5, 0])
    // What is left over holds copies of the lightest, none of the first GPU's.
    #expect(
      try place(Worst(), [1, 9, 3, 7, 5, 2], gpus: 3, redundant: 3) == [1, 3, 4, 2, 5, 0, 0, 5, 2])
  }

  @Test func noPlacementIsWorseThanTheWorst() throws {
    var random = SplitMix64(seed: 4)
    let layout = try DeviceLayout(experts: 12, gpus: 3, redundant: 3)
    for _ in 0..<100 {
      let loads = (0..<12).map { _ in Double(Int.random(in: 0...30, using: &random)) }
      let worst = try highest(Worst(), loads, layout)
      #expect(worst == loads.sorted().suffix(5).reduce(0, +))
      for rule: any PlacementAlgorithm in [Contiguous(), EPLB(), Greedy(), Dup(time())] {
        #expect(try highest(rule, loads, layout) <= worst)
      }
    }
  }

  /// The most that a GPU has to do, copies sharing evenly.
  private func highest(
    _ rule: any PlacementAlgorithm, _ loads: [Double], _ layout: DeviceLayout
  ) throws -> Double {
    let map = try rule.place(try PlacementEvidence(loads: [loads]), on: layout)
    let holders = map.holders(layer: 0)
    var sums = Array(repeating: 0.0, count: layout.gpus)
    for expert in loads.indices {
      for gpu in holders[expert] { sums[gpu] += loads[expert] / Double(holders[expert].count) }
    }
    return sums.max() ?? 0
  }

  @Test func everyRulePlacesEveryExpert() throws {
    var random = SplitMix64(seed: 5)
    var evidence = try PlacementEvidence(
      loads: (0..<3).map { _ in (0..<16).map { _ in Double(Int.random(in: 0...9, using: &random)) }
      })
    evidence.pairs = Array(repeating: Array(repeating: 1, count: 256), count: 3)
    evidence.successions = Array(repeating: Array(repeating: 1, count: 256), count: 2)
    var options = PlacementOptions()
    options.time = time()
    for rule in PlacementRule.allCases {
      for redundant in [0, 4] {
        let layout = try DeviceLayout(experts: 16, gpus: 4, nodes: 2, redundant: redundant)
        if redundant > 0, !rule.takesRedundantSlots {
          let error = #expect(throws: PlacementError.self) {
            try rule.algorithm(options).place(evidence, on: layout)
          }
          #expect(error?.description.contains("\(rule.rawValue) places every expert once") == true)
        } else {
          let map = try rule.algorithm(options).place(evidence, on: layout)
          #expect(map.slots.count == 3)
          #expect(try map == rule.algorithm(options).place(evidence, on: layout))
        }
      }
    }
  }

  @Test func whatIsMissingIsNamed() throws {
    let evidence = try PlacementEvidence(loads: [[1, 2], [3, 4]])
    let layout = try DeviceLayout(experts: 2, gpus: 2)
    func message(_ rule: PlacementRule, _ evidence: PlacementEvidence) -> String? {
      #expect(throws: PlacementError.self) { try rule.algorithm().place(evidence, on: layout) }?
        .description
    }
    #expect(message(.remap, evidence)?.contains("remap needs to know what an expert costs") == true)
    #expect(message(.dup, evidence)?.contains("dup needs to know what an expert costs") == true)
    #expect(message(.separation, evidence)?.contains("choose together is not known") == true)
    #expect(message(.locality, evidence)?.contains("after each other is not known") == true)
    var wrong = evidence
    (wrong.pairs, wrong.successions) = ([[0, 1, 1, 0]], [[1, 2, 3]])
    #expect(message(.separation, wrong)?.contains("give 2 times 2 counts for each of 2") == true)
    #expect(message(.locality, wrong)?.contains("give 2 times 2 counts for each of 1") == true)
    let many = try PlacementEvidence(loads: [[1e300, 1]])
    #expect(message(.eplb, many)?.contains("more than a 32-bit number holds") == true)
    #expect(throws: PlacementError.self) {
      try Separation(tolerance: .nan).place(evidence, on: layout)
    }
  }
}
