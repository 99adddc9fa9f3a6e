import TestSupport
import Testing
import Wafer

@testable import Placement

/// Separation and locality: what exchanges of two experts bring, and what they leave alone.
@Suite struct SwapSearchTests {
  private let experts = 8
  private let layout: DeviceLayout

  init() throws { layout = try DeviceLayout(experts: 8, gpus: 2) }

  /// `[E, E]`, symmetric: tokens that choose e and e + 1, for every even e.
  private var couples: [Double] {
    var pairs = Array(repeating: 0.0, count: 64)
    for even in stride(from: 0, to: 8, by: 2) {
      pairs[even * 8 + even + 1] = 5
      pairs[(even + 1) * 8 + even] = 5
    }
    return pairs
  }

  @Test func couplesAreSeparated() throws {
    var evidence = try PlacementEvidence(loads: [Array(repeating: 5, count: 8)])
    evidence.pairs = [couples]
    let map = try Separation(tolerance: 0).place(evidence, on: layout)
    let gpus = map.holders(layer: 0)
    for even in stride(from: 0, to: 8, by: 2) { #expect(gpus[even] != gpus[even + 1]) }
  }

  @Test func balanceIsKeptWithinTheTolerance() throws {
    var random = SplitMix64(seed: 6)
    for _ in 0..<50 {
      let loads = (0..<2).map { _ in
        (0..<8).map { _ in Double(Int.random(in: 1...20, using: &random)) }
      }
      var evidence = try PlacementEvidence(loads: loads)
      evidence.pairs = [symmetric(&random), symmetric(&random)]
      evidence.successions = [(0..<64).map { _ in Double.random(in: 0...9, using: &random) }]
      for tolerance in [0, 0.2] {
        for rule: any PlacementAlgorithm in [
          Separation(tolerance: tolerance), Locality(tolerance: tolerance),
        ] {
          let map = try rule.place(evidence, on: layout)
          for layer in 0..<2 {
            let start = BalancedStart(loads[layer], on: layout, tolerance: tolerance)
            for gpu in 0..<2 {
              let sum = map.experts(of: gpu, layer: layer).reduce(0) { $0 + loads[layer][$1] }
              #expect(sum <= start.limit)
            }
          }
        }
      }
    }
  }

  private func symmetric(_ random: inout SplitMix64) -> [Double] {
    var pairs = Array(repeating: 0.0, count: 64)
    for one in 0..<8 {
      for other in 0..<one {
        pairs[one * 8 + other] = Double(Int.random(in: 0...9, using: &random))
        pairs[other * 8 + one] = pairs[one * 8 + other]
      }
    }
    return pairs
  }

  /// No exchange of two experts is left that would lower the pairs on a GPU.
  @Test func nothingIsLeftToGain() throws {
    var random = SplitMix64(seed: 7)
    for _ in 0..<50 {
      let pairs = symmetric(&random)
      var evidence = try PlacementEvidence(loads: [Array(repeating: 1, count: 8)])
      evidence.pairs = [pairs]
      let slots = try Separation(tolerance: 0).place(evidence, on: layout).slots[0]
      func together(_ slots: [Int]) -> Double {
        (0..<2).reduce(0.0) { sum, gpu in
          let own = slots[gpu * 4..<gpu * 4 + 4]
          return own.reduce(sum) { sum, one in own.reduce(sum) { $0 + pairs[one * 8 + $1] } }
        }
      }
      for one in 0..<4 {
        for other in 4..<8 {
          var changed = slots
          changed.swapAt(one, other)
          #expect(together(changed) >= together(slots))
        }
      }
    }
  }

  @Test func tokensStayOnTheirGPU() throws {
    // Expert e is followed by 7 - e, and that by (e + 3) mod 8: two GPUs can keep all tokens.
    var evidence = try PlacementEvidence(
      loads: Array(repeating: Array(repeating: 3, count: 8), count: 3))
    evidence.successions = [
      (0..<64).map { $0 % 8 == 7 - $0 / 8 ? 3 : 0 },
      (0..<64).map { $0 % 8 == ($0 / 8 + 3) % 8 ? 3 : 0 },
    ]
    let map = try Locality(tolerance: 0).place(evidence, on: layout)
    for expert in 0..<8 {
      let next = 7 - expert
      #expect(map.holders(layer: 0)[expert] == map.holders(layer: 1)[next])
      #expect(map.holders(layer: 1)[next] == map.holders(layer: 2)[(next + 3) % 8])
    }
  }

  /// Balance by load lets tokens change GPU as it happens; locality never more often.
  @Test func tokensChangeLessThanBalancedOnes() throws {
    var random = SplitMix64(seed: 8)
    for _ in 0..<50 {
      let loads = (0..<3).map { _ in
        (0..<8).map { _ in Double(Int.random(in: 1...20, using: &random)) }
      }
      var evidence = try PlacementEvidence(loads: loads)
      let successions = (0..<2).map { _ in
        (0..<64).map { _ in Double(Int.random(in: 0...9, using: &random)) }
      }
      evidence.successions = successions
      func changes(_ map: SlotMap) -> Double {
        (0..<2).reduce(0.0) { sum, layer in
          (0..<64).reduce(sum) {
            map.holders(layer: layer)[$1 / 8] == map.holders(layer: layer + 1)[$1 % 8]
              ? $0 : $0 + successions[layer][$1]
          }
        }
      }
      let balanced = try Greedy().place(evidence, on: layout)
      #expect(
        changes(try Locality(tolerance: 0).place(evidence, on: layout)) <= changes(balanced))
    }
  }
}
