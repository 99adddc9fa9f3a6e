import Demand
import Testing

@Suite struct ExpertDemandTests {
  static func demand(_ forecasts: [[Double]], topK: Int) -> ExpertDemand {
    var demand = ExpertDemand(experts: forecasts[0].count)
    for var forecast in forecasts {
      forecast.withUnsafeMutableBufferPointer { demand.add($0, topK: topK) }
    }
    return demand
  }

  @Test func loadAndNeedByHand() {
    let demand = Self.demand([[0.5, 0.25, 0.25, 0], [0.1, 0.4, 0.1, 0.4]], topK: 2)
    for (load, wanted) in zip(demand.load, [1.2, 1.3, 0.7, 0.8]) {
      #expect(abs(load - wanted) < 1e-12)
    }
    for (need, wanted) in zip(demand.need, [1, 0.9, 0.6, 0.8]) {
      #expect(abs(need - wanted) < 1e-12)
    }
    #expect(demand.wanted(atLeast: 0.75) == [1, 0, 3])
  }

  @Test func nobodyAsksTwice() {
    let demand = Self.demand([[0.9, 0.1]], topK: 2)
    #expect(demand.load == [1, 0.2])
  }

  @Test func slotsOfOneTokenAskAlike() {
    var row = [0.25, 0.75]
    var demand = ExpertDemand(experts: 2)
    row.withUnsafeMutableBufferPointer { demand.add($0, topK: 1, slots: 3) }
    #expect(demand.load == [0.75, 2.25] && demand.need == [0.25, 0.75])
    #expect(demand.variance == [1.6875, 1.6875])
    // 0 or 3 requests: .25 * 2.25 + .75 * .75.
    #expect(abs(demand.deviation[0] - 1.125) < 1e-12)
  }

  @Test func aLoadIsSpreadOverAllTokens() {
    let demand = ExpertDemand(load: [1, 3, 0], tokens: [1, 1, 2])
    for (need, wanted) in zip(demand.need, [0.578125, 0.984375, 0]) {
      #expect(abs(need - wanted) < 1e-12)
    }
    #expect(demand.variance == [1.125, 1.125, 0])
    let certain = ExpertDemand(certain: [2, 0])
    #expect(certain.need == [1, 0])
    #expect(certain.deviation == [0, 0])
  }

  @Test func scalingByHand() {
    let demand = Self.demand([[0.5, 0.5, 0], [0.5, 0.25, 0.25]], topK: 1)
    #expect(demand.scaled(by: [1, 1, 1]) == demand)
    let scaled = demand.scaled(by: [2, 0, 0.5])
    #expect(scaled.load == [2, 0, 0.125])
    for (need, wanted) in zip(scaled.need, [1 - 1.0 / 16, 0, 1 - 0.75.squareRoot()]) {
      #expect(abs(need - wanted) < 1e-12)
    }
  }

  /// Chances of tokens, and how near the deviation has to come.
  private static let tokens: [([Double], Double)] = [
    ([0.1, 0.3, 0.05, 0.5], 0), ([0.4, 0.4, 0.4, 0.4, 0.4, 0.4], 0),
    ([0.9, 0.2, 0.5, 0.3, 0.7, 0.1, 0.6], 0.02), ([0.99, 0.98, 0.97, 0.02, 0.01], 0.35),
    ([0.5, 0.5], 0), ([1, 1, 0.5], 0.02), ([Double](repeating: 0.15, count: 14), 0),
    (stride(from: 0.05, to: 0.71, by: 0.05).map { $0 }, 0.02),
  ]

  /// Against every outcome of tokens with chances of their own: exact up to a load of 1 and for
  /// equal chances, within 2 % where chances are spread, rough where nearly all is certain.
  @Test(arguments: Self.tokens)
  func deviationOfAllOutcomes(chances: [Double], share: Double) {
    var demand = ExpertDemand(experts: 1)
    for chance in chances {
      var row = [chance]
      row.withUnsafeMutableBufferPointer { demand.add($0, topK: 1) }
    }
    // Chances of 0, 1, 2, ... requests.
    var outcomes = [1.0]
    for chance in chances {
      var next = [Double](repeating: 0, count: outcomes.count + 1)
      for (count, share) in outcomes.enumerated() {
        next[count] += share * (1 - chance)
        next[count + 1] += share * chance
      }
      outcomes = next
    }
    let mean = chances.reduce(0, +)
    var wanted = 0.0
    for (count, share) in outcomes.enumerated() { wanted += share * abs(Double(count) - mean) }
    #expect(abs(demand.deviation[0] - wanted) <= share * wanted + 1e-12)
  }
}
