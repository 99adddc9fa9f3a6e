import RoutingTrace
import Testing
import WaferSamples

@testable import Demand
@testable import Wafer

/// What the predicting strategies know of followers, beforehand or as batches go by.
struct FollowersTests {
  /// Counted on the way, nothing is expected at first; known beforehand, the counts decide.
  @Test func countedOrKnown() throws {
    var pool = RequestPool(shape: try TraceShape(modelLayers: [0], experts: 4, topK: 1))
    pool.add([0, 1, 0, 2, 0, 1] as [UInt16])
    let schedule = BatchSchedule(pool, size: 1, steps: 4, policy: .replay(stride: 0))
    let table = FollowerTable(try TransitionCounts(of: pool), width: 2)
    let known = Followers(table, schedule, width: 2)
    #expect(known.followers(layer: 0, expert: 0) == [1, 2])
    #expect(known.share(layer: 0, expert: 0, follower: 1) == 2.0 / 3)
    var counted = Followers(nil, schedule, width: 2)
    #expect(counted.followers(layer: 0, expert: 0).isEmpty)
    for (step, id) in [0, 1, 0, 2].enumerated() {
      counted.observe(step: step, layer: 0) { [UInt16(id)] }
    }
    #expect(counted.followers(layer: 0, expert: 0) == [1, 2])
    #expect(counted.share(layer: 0, expert: 0, follower: 2) == 0.5)
  }

  /// Strategies that predict run without a heatmap known beforehand, and then make other copies: none
  /// in the first step, when nobody has seen anything follow.
  @Test func predictionNeedsNoFuture() throws {
    let pool = try Samples.pool()
    var simulation = Simulation(
      hardware: Samples.hardware, model: Samples.model, batch: 7, steps: 6, strategy: .prediction)
    simulation.options.blockSize = 1
    let online = try simulation.run(pool, transitions: nil)
    let inSample = try simulation.run(pool, transitions: try TransitionCounts(of: pool))
    #expect(online.rows.prefix(3).allSatisfy { $0.result.copies == 0 })
    #expect(inSample.rows.prefix(3).contains { $0.result.copies > 0 })
    #expect(online.mean(\.copies) > 0)
    simulation.strategy = .allocationAndPrediction
    _ = try simulation.run(pool, transitions: nil)
  }
}
