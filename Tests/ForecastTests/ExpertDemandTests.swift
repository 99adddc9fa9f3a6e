import Forecast
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
    #expect(demand.tokens == 2)
  }

  @Test func nobodyAsksTwice() {
    let demand = Self.demand([[0.9, 0.1]], topK: 2)
    #expect(demand.load == [1, 0.2])
  }
}
