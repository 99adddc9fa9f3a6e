import RoutingTrace
import Testing
import WaferSamples

@testable import Demand

struct BatchScheduleTests {
  @Test func continuousBatchesFollowRequestsToTheirEnd() throws {
    let pool = try Samples.pool()
    let schedule = BatchSchedule(pool, size: 9, steps: 40, policy: .continuous(seed: 3))
    #expect(
      schedule.tokens
        == BatchSchedule(pool, size: 9, steps: 40, policy: .continuous(seed: 3)).tokens)
    #expect(
      schedule.tokens
        != BatchSchedule(pool, size: 9, steps: 40, policy: .continuous(seed: 4)).tokens)
    for slot in 0..<9 {
      for step in 1..<40 {
        let (before, now) = (schedule.tokens[step - 1][slot], schedule.tokens[step][slot])
        let ended = pool.starts.contains(before + 1)
        #expect(ended ? pool.starts.contains(now) : now == before + 1)
      }
    }
    #expect(schedule.counts(step: 5, layer: 1).reduce(0, +) == 18)
  }
}
