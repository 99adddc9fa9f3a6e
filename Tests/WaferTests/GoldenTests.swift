import RoutingTrace
import TestSupport
import Testing
import Wafer

/// Every strategy and both engines against the Python reference's values on 60 Llama-4 requests.
@Suite(.enabled(if: SharedData.isPresent, "../shared is absent"))
struct GoldenTests {
  @Test(arguments: ["bound", "event"]) func equalsReference(engine: String) throws {
    let pool = try Llama4.decode.get()
    let model = try #require(Llama4.shape)
    let transitions = TransitionCounts(of: pool)
    var worst: [String: Double] = [:]
    for golden in try Golden.all() where golden.engine == engine {
      var simulation = Simulation(
        hardware: try #require(try Hardware.shipped(golden.wafer)), model: model,
        batch: golden.batch, steps: engine == "bound" ? 2 : 1,
        strategy: try #require(Strategy(rawValue: golden.strategy)))
      if engine == "event" {
        var event = EventEngine()
        event.order = .rotated
        event.windowBytes = try #require(golden.window_bytes)
        event.chunkBytes = try #require(golden.chunk_bytes)
        simulation.engine = .event(event)
        simulation.layers = 4
      }
      let result = try simulation.run(pool, transitions: transitions)
      try #require(result.rows.count == golden.rows.count)
      for (row, expected) in zip(result.rows, golden.rows) {
        let place = "\(golden.wafer) \(golden.batch) \(golden.strategy) \(expected.layer)"
        let difference = abs(row.result.seconds / expected.T - 1)
        worst[golden.strategy] = max(worst[golden.strategy] ?? 0, difference)
        #expect(difference <= 1e-9, "\(place)")
        #expect(row.step == expected.step && row.layer == expected.layer)
        #expect(row.result.tasks == expected.tasks, "\(place)")
        #expect(row.result.hops == expected.hops, "\(place)")
        #expect(row.result.requestHops == expected.request_hops ?? row.result.requestHops)
        #expect(row.result.copies == expected.copies ?? row.result.copies, "\(place)")
      }
      #expect(abs(result.meanLayerSeconds / golden.mean_T - 1) <= 1e-9)
    }
    #expect(worst.count == Strategy.allCases.count)
    print("largest relative difference, \(engine):", worst.sorted { $0.key < $1.key })
  }
}
