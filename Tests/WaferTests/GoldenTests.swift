import Demand
import RoutingTrace
import TestSupport
import Testing
import Wafer
import WaferSamples

/// Every strategy and both engines against the Python reference's values on 60 Llama-4 requests.
@Suite(.enabled(if: SharedData.isPresent, "../shared is absent"))
struct GoldenTests {
  @Test(arguments: ["bound", "event"]) func equalsReference(engine: String) throws {
    let pool = try Llama4.decode.get()
    let model = try #require(Llama4.shape)
    let transitions = try TransitionCounts(of: pool)
    var seen: Set<String> = []
    for golden in try Golden.all() where golden.engine == engine {
      seen.insert(golden.strategy)
      var simulation = Simulation(
        hardware: try #require(try Hardware.shipped(golden.wafer)), model: model,
        batch: golden.batch, steps: engine == "bound" ? 2 : 1,
        strategy: try #require(Strategy(rawValue: golden.strategy)))
      if engine == "event" {
        var event = EventEngine()
        event.order = .rotated
        event.readsAlone = true
        event.windowBytes = try #require(golden.windowBytes)
        event.chunkBytes = try #require(golden.chunkBytes)
        simulation.engine = .event(event)
        simulation.layers = 4
      }
      let result = try simulation.run(pool, transitions: transitions)
      try #require(result.rows.count == golden.rows.count)
      for (row, expected) in zip(result.rows, golden.rows) {
        let place = "\(golden.wafer) \(golden.batch) \(golden.strategy) \(expected.layer)"
        let difference = abs(row.result.seconds / expected.seconds - 1)
        #expect(difference <= 1e-9, "\(place)")
        #expect(row.step == expected.step && row.layer == expected.layer)
        #expect(row.result.tasks == expected.tasks, "\(place)")
        #expect(row.result.hops == expected.hops, "\(place)")
        #expect(row.result.requestHops == expected.requestHops ?? row.result.requestHops)
        #expect(row.result.copies == expected.copies ?? row.result.copies, "\(place)")
      }
      #expect(abs(result.meanLayerSeconds / golden.meanSeconds - 1) <= 1e-9)
    }
    #expect(seen.count == Strategy.allCases.count)
  }
}
