import Demand
import RoutingTrace
import Testing
import Wafer
import WaferSamples

/// Single configurations, from a pool to figures.
struct SimulationTests {
  /// Strategies run on what the policy fills: other batches than the replayed ones, every task's
  /// weights read once.
  @Test(arguments: Strategy.allCases)
  func strategiesRunOnContinuousBatches(strategy: Strategy) throws {
    let pool = try Samples.pool()
    var simulation = Simulation(
      hardware: Samples.hardware, model: Samples.model, batch: 24, steps: 12, strategy: strategy)
    let transitions = try TransitionCounts(of: pool)
    let replayed = try simulation.run(pool, transitions: transitions)
    simulation.batching = .continuous(seed: 3)
    let continuous = try simulation.run(pool, transitions: transitions)
    #expect(continuous != replayed)
    #expect(continuous.rows.count == 12 * Samples.model.layers)
    for row in continuous.rows {
      #expect(row.result.tasks > 0)
      #expect(row.result.localReads + row.result.remoteReads == row.result.tasks)
    }
  }

  /// Two of eight layers, three seconds each in two steps of 10 tokens: the model would take 48.
  @Test func tokensASecondAreThoseOfAllLayers() {
    var layer = LayerResult(tasks: [], copies: 0, on: Fabric(Samples.hardware))
    layer.seconds = 3
    let rows = (0..<4).map { SimulationRow(step: $0 / 2, layer: $0 % 2, result: layer) }
    let result = SimulationResult(rows: rows, tokens: 20, layers: 2, modelLayers: 8)
    #expect(result.meanLayerSeconds == 3)
    #expect(result.tokensPerSecond == 20.0 / 48)
    let whole = SimulationResult(rows: rows, tokens: 20, layers: 2, modelLayers: 2)
    #expect(whole.tokensPerSecond == 20.0 / 12)
    let withGaps = SimulationResult(
      rows: rows, tokens: 20, layers: 2, modelLayers: 8, gapSeconds: 2)
    #expect(withGaps.meanLayerSeconds == 3)
    #expect(withGaps.tokensPerSecond == 20.0 / 80)
  }
}
