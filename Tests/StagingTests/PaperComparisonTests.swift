import Testing
import Wafer

@testable import Demand
@testable import Staging

struct PaperComparisonTests {
  private func row(
    _ system: Int, _ model: String, _ batch: Int, _ strategy: Strategy, tokens: Double,
    hops: Double = 0, host: Double? = nil
  ) -> Sweep.Row {
    Sweep.Row(
      system: system, model: model, format: .fp8, origin: Sweep.Workload.real, batch: batch,
      strategy: strategy.rawValue, forecast: nil, layerSeconds: 1, tokensPerSecond: tokens,
      hops: hops, localReads: 0, remoteReads: 0, copies: 0, bottleneck: .memory, dispatchSeconds: 0,
      combineSeconds: 0, hostOverhead: host, staging: nil, overPersistence: nil, regret: nil)
  }

  private func own(_ rows: [Sweep.Row], _ what: String) -> PaperComparison.Number? {
    PaperComparison(rows, systems: ["dojo", "sow", "dojo-enhanced"]).numbers.first {
      $0.what == what
    }
  }

  /// Ratios of throughput are means over configurations of the paper's wafers, each to the same
  /// configuration; those of hops are of sums.
  @Test func ratiosAreOfEqualConfigurations() {
    let both = Strategy.allocationAndPrediction
    let rows = [
      row(0, "kimi-k2", 4096, .base, tokens: 10, hops: 60),
      row(0, "kimi-k2", 4096, both, tokens: 40, hops: 0),
      row(0, "kimi-k2", 4096, .expertParallel, tokens: 20),
      row(1, "kimi-k2", 16384, .base, tokens: 10, hops: 40),
      row(1, "kimi-k2", 16384, both, tokens: 80, hops: 4),
      row(1, "kimi-k2", 16384, .expertParallel, tokens: 64),
      // Of no mean: the paper's are of two wafers.
      row(2, "kimi-k2", 4096, .base, tokens: 1, hops: 1),
      row(2, "kimi-k2", 4096, both, tokens: 1000, hops: 1, host: 0.25),
    ]
    #expect(own(rows, "Allo+Pred over Base, kimi-k2")?.own == 6)
    #expect(own(rows, "Allo+Pred over Base, mean")?.own == 6)
    #expect(own(rows, "Allo+Pred over Base, dojo")?.own == 4)
    #expect(own(rows, "Allo+Pred over Base, sow")?.own == 8)
    #expect(own(rows, "Allo+Pred over EP, batch 4096")?.own == 2)
    #expect(own(rows, "Allo+Pred over EP, batch 16384")?.own == 1.25)
    #expect(own(rows, "hops of Base over Allo+Pred")?.own == 25)
    #expect(own(rows, "Allo+Pred over Base, mean")?.error == 6 / 6.63 - 1)
  }

  /// What was not run has no number, and no error.
  @Test func whatWasNotRunIsLeftOut() throws {
    let numbers = PaperComparison([], systems: []).numbers
    #expect(numbers.count == 18)
    #expect(numbers.allSatisfy { $0.own == nil && $0.error == nil && $0.paper > 0 })
    let host = try #require(
      own(
        [row(2, "deepseek-v3", 4096, .allocationAndPrediction, tokens: 1, host: 0.25)],
        "time added by planning on the host, dojo-enhanced, deepseek-v3"))
    #expect(host.own == 0.25 && host.paper == 0.215)
  }
}
