import RoutingTrace
import Testing

@testable import Forecast

@Suite struct FixedSizeDrawTests {
  /// Draws `K` of the experts many times; how often each set came.
  private func draws(_ probabilities: [Double], _ count: Int, temperature: Double = 1) -> [[UInt16]:
    Double]
  {
    var draw = FixedSizeDraw(
      experts: probabilities.count, count: count, temperature: temperature)
    var random = SeededGenerator(seed: 5)
    var values = probabilities
    var shares: [[UInt16]: Double] = [:]
    let rounds = 40_000
    values.withUnsafeMutableBufferPointer { values in
      for _ in 0..<rounds {
        shares[draw.draw(values, using: &random).sorted(), default: 0] += 1 / Double(rounds)
      }
    }
    return shares
  }

  /// Of 3 experts 2: the chance of a set is the product of its odds over the sum for all sets.
  @Test func setsComeByTheProductOfTheirOdds() {
    let chances = [0.8, 0.7, 0.5]
    let odds = chances.map { $0 / (1 - $0) }
    let products = [odds[0] * odds[1], odds[0] * odds[2], odds[1] * odds[2]]
    let sum = products.reduce(0, +)
    let shares = draws(chances.map { $0 / 2 }, 2)
    for (set, product) in zip([[0, 1], [0, 2], [1, 2]] as [[UInt16]], products) {
      #expect(abs((shares[set] ?? 0) - product / sum) < 0.01)
    }
    #expect(shares.count == 3)
  }

  @Test func aColdDrawTakesTheBestAndASureForecastIsKept() {
    #expect((draws([0.3, 0.28, 0.22, 0.2], 2, temperature: 0.05)[[0, 1]] ?? 0) > 0.85)
    #expect((draws([0.499, 0.001, 0.001, 0.499], 2)[[0, 3]] ?? 0) > 0.98)
  }

  /// A chance of 98 in 100 is not cut; twice as warm, roots of the odds are drawn.
  @Test func sureForecastsKeepTheirOdds() {
    let odds = [0.98, 0.01, 0.01].map { ($0 / (1 - $0)).squareRoot() }
    let share = draws([0.98, 0.01, 0.01], 1, temperature: 2)[[0]] ?? 0
    #expect(abs(share - odds[0] / odds.reduce(0, +)) < 0.005)
  }

  @Test func allExpertsOrImpossibleOnesAreStillDistinct() {
    #expect(draws([0.2, 0.3, 0.5], 3).keys.sorted { $0.count < $1.count } == [[0, 1, 2]])
    let shares = draws([1, 0, 0, 0], 2)
    #expect(shares.keys.allSatisfy { Set($0).count == 2 })
    #expect(shares.count > 1)
  }

  @Test func theMostProbableStandFirst() {
    var draw = FixedSizeDraw(experts: 3, count: 3, temperature: 1)
    var random = SeededGenerator(seed: 1)
    var values = [0.25, 0.5, 0.25]
    let order = values.withUnsafeMutableBufferPointer { draw.draw($0, using: &random) }
    #expect(order == [1, 0, 2])
  }
}
