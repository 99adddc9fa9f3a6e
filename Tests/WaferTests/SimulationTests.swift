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
}
