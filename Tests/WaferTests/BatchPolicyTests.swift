import RoutingTrace
import Testing
import Wafer

/// Continuous batching of real requests.
@Suite struct BatchPolicyTests {
  /// Every slot decodes its request token by token to the end and takes up the next at its first
  /// token; in between every request of the pool is begun once before any is begun again.
  @Test(arguments: [1, 3, 16])
  func slotsDecodeWholeRequests(size: Int) throws {
    let pool = try Samples.pool()
    let batches = BatchPolicy.continuous(seed: 5).batches(of: pool, size: size, steps: 160)
    #expect(batches.count == 160 && batches.allSatisfy { $0.count == size })
    var begun: [Int] = []
    for step in 1..<160 {
      for slot in 0..<size {
        let (before, token) = (batches[step - 1][slot], batches[step][slot])
        if pool.starts.contains(before + 1) {
          begun.append(try #require(pool.starts.firstIndex(of: token)))
        } else {
          #expect(token == before + 1, "step \(step), slot \(slot)")
        }
      }
    }
    // The first slots took from the first rounds of the queue.
    let inRound = (pool.requests - size % pool.requests) % pool.requests
    let rounds = stride(from: inRound, to: begun.count - pool.requests + 1, by: pool.requests)
    #expect(!Array(rounds).isEmpty)
    for first in rounds {
      #expect(Set(begun[first..<first + pool.requests]).count == pool.requests)
    }
  }

  @Test func theSeedDecides() throws {
    let pool = try Samples.pool()
    func batches(_ seed: UInt64) -> [[Int]] {
      BatchPolicy.continuous(seed: seed).batches(of: pool, size: 9, steps: 20)
    }
    #expect(batches(1) == batches(1))
    #expect(batches(1) != batches(2))
  }

  /// Strategies run on what the policy fills: other batches than the replayed ones, every task's
  /// weights read once.
  @Test(arguments: Strategy.allCases)
  func strategiesRunOnContinuousBatches(strategy: Strategy) throws {
    let pool = try Samples.pool()
    var simulation = Simulation(
      hardware: Samples.hardware, model: Samples.model, batch: 24, steps: 12, strategy: strategy)
    let replayed = try simulation.run(pool, transitions: TransitionCounts(of: pool))
    simulation.batching = .continuous(seed: 3)
    let continuous = try simulation.run(pool, transitions: TransitionCounts(of: pool))
    #expect(continuous != replayed)
    #expect(continuous.rows.count == 12 * Samples.model.layers)
    for row in continuous.rows {
      #expect(row.result.tasks > 0)
      #expect(row.result.localReads + row.result.remoteReads == row.result.tasks)
    }
  }
}
