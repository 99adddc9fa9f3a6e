import RoutingTrace
import Testing
import WaferSamples

@testable import Demand

/// Heatmaps that know nothing of the future.
struct OnlineHeatmapTests {
  private let pool: RequestPool
  init() throws { pool = try Samples.pool() }

  private func counted(_ schedule: BatchSchedule) -> OnlineHeatmap {
    var heatmap = OnlineHeatmap(schedule)
    for step in 0..<schedule.steps {
      for layer in 0..<schedule.layers {
        heatmap.observe(
          step: step, layer: layer, chosen: pool.chosen(by: schedule.tokens[step], layer: layer))
      }
    }
    return heatmap
  }

  /// A slot a request, from its first token to its last: every pair of tokens passes once, and the
  /// heatmap is in the end that of the whole pool.
  @Test func itBecomesThePoolsOwn() throws {
    let longest = (0..<pool.requests).map(pool.length).max() ?? 0
    // Replaying wraps round, which is no succession; so requests run alone, one after the other.
    var sum = Array(repeating: UInt32(0), count: 3 * 12 * 12)
    for request in 0..<pool.requests {
      var own = RequestPool(shape: pool.shape)
      own.add(
        (pool.starts[request]..<pool.starts[request + 1]).flatMap { token in
          (0..<3).flatMap { pool.choice(of: token, layer: $0) }
        })
      let schedule = BatchSchedule(own, size: 1, steps: longest * 2, policy: .replay(stride: 0))
      var heatmap = OnlineHeatmap(schedule)
      for step in 0..<own.tokens {
        for layer in 0..<3 {
          heatmap.observe(
            step: step, layer: layer, chosen: own.chosen(by: schedule.tokens[step], layer: layer))
        }
      }
      for (cell, count) in heatmap.transitions.counts.enumerated() { sum[cell] += count }
    }
    #expect(sum == (try TransitionCounts(of: pool)).counts)
  }

  /// What comes later changes nothing of what was counted before.
  @Test func nothingOfTheFutureIsKnown() {
    let short = BatchSchedule(pool, size: 5, steps: 6, policy: .continuous(seed: 2))
    let long = BatchSchedule(pool, size: 5, steps: 20, policy: .continuous(seed: 2))
    var heatmap = OnlineHeatmap(long)
    for step in 0..<6 {
      for layer in 0..<3 {
        heatmap.observe(
          step: step, layer: layer, chosen: pool.chosen(by: long.tokens[step], layer: layer))
      }
    }
    #expect(heatmap.transitions == counted(short).transitions)
    #expect(heatmap.transitions.counts.contains { $0 > 0 })
    #expect(heatmap.transitions != counted(long).transitions)
  }

  /// Slots that hold one token count each; chunks of a prompt follow within their step.
  @Test func slotsAndChunksCount() throws {
    var pool = RequestPool(shape: try TraceShape(modelLayers: [0], experts: 4, topK: 1))
    pool.add([0, 1, 3] as [UInt16])
    let twice = BatchSchedule(pool, size: 2, steps: 2, policy: .replay(stride: 0))
    #expect(twice.tokens == [[0, 0], [1, 1]])
    var heatmap = OnlineHeatmap(twice)
    heatmap.observe(step: 0, layer: 0, chosen: [0, 0])
    heatmap.observe(step: 1, layer: 0, chosen: [1, 1])
    #expect(heatmap.transitions.row(0, 0) == [0, 2, 0, 0])
    #expect(heatmap.followers(layer: 0, expert: 0, count: 3) == [1])
    #expect(heatmap.followers(layer: 0, expert: 1, count: 3) == [])
    #expect(heatmap.share(layer: 0, expert: 0, follower: 1) == 1)
    let chunk = BatchSchedule(pool, size: 3, steps: 1, policy: .prefillChunks(of: 3, seed: 1))
    var prompts = OnlineHeatmap(chunk)
    prompts.observe(step: 0, layer: 0, chosen: [0, 1, 3])
    #expect(prompts.transitions.row(0, 0) == [0, 1, 0, 0])
    #expect(prompts.transitions.row(0, 1) == [0, 0, 0, 1])
  }

  @Test func theRequestsUsedAreCounted() {
    let replayed = BatchSchedule(pool, size: 3, steps: 9)
    #expect(replayed.requests(of: pool) == 3)
    let continuous = BatchSchedule(pool, size: 3, steps: 40, policy: .continuous(seed: 1))
    #expect(continuous.requests(of: pool) == 7)
    #expect(continuous.requests(of: pool, from: 39) <= 3)
  }
}
