import Demand
import RoutingTrace
import Testing
import WaferSamples

@testable import Serving

struct BatchLoadsTests {
  @Test func theOracleKnowsTheBatchAndWhoGoesOn() throws {
    let pool = try Samples.pool()
    var loads = BatchLoads(pool, .oracle, distance: 2)
    // The last token of request 0 and the first of request 1.
    let tokens = [4, 5]
    loads.begin(tokens)
    func counts(_ tokens: [Int], _ layer: Int) -> [Double] {
      (0..<12).map { expert in
        Double(pool.chosen(by: tokens, layer: layer).count { Int($0) == expert })
      }
    }
    #expect(loads.later(2) == counts(tokens, 2))
    #expect(loads.next(0) == counts([6], 0), "request 0 has ended")
  }

  /// The mixture's tables of the distance asked for, its loads adding up to the batch's requests.
  @Test(arguments: [1, 2]) func chancesAreSummedAtTheirDistance(distance: Int) throws {
    let pool = try Samples.pool()
    let tables = try MixtureTables(pool, horizon: 2)
    var loads = BatchLoads(
      pool,
      .chances(laterLayers: tables.laterLayers, nextToken: tables.nextToken), distance: distance)
    let tokens = [0, 5, 12, 20]
    loads.begin(tokens)
    func sums(_ table: ChanceTable, _ tokens: [Int], _ layer: Int) -> [Double] {
      let sums = tokens.reduce(into: Array(repeating: 0.0, count: 12)) { sums, token in
        for (expert, chance) in table.row(token: token, layer: layer).enumerated() {
          sums[expert] += Double(chance)
        }
      }
      let all = sums.reduce(0, +)
      return sums.map { $0 * Double(2 * tokens.count) / all }
    }
    let told = loads.later(2)
    for (load, sum) in zip(told, sums(tables.laterLayers[distance - 1], tokens, 2)) {
      #expect(abs(load - sum) < 1e-9)
    }
    for (load, sum) in zip(loads.next(1), sums(tables.nextToken, tokens.map { $0 + 1 }, 1)) {
      #expect(abs(load - sum) < 1e-9)
    }
    // What came more often than expected is expected more the next time.
    loads.observe(step: 0, layer: 2, chosen: Array(repeating: 3, count: 8))
    loads.begin(tokens)
    #expect(loads.later(2)[3] > told[3])
  }

  @Test func batchesBeforeAreScaledToThisOne() throws {
    let pool = try Samples.pool()
    let schedule = BatchSchedule(pool, size: 1, steps: 1)
    let frequency = try ForecastSources().forecast(.frequency, schedule)
    var loads = BatchLoads(pool, .batches(frequency), distance: 1)
    #expect(!loads.expectsNothing)
    loads.begin([0])
    loads.observe(step: 0, layer: 1, chosen: [3, 7])
    loads.begin([0, 1, 2])
    #expect(
      loads.later(1)[3] == 3 && loads.later(1)[7] == 3 && loads.later(2).allSatisfy { $0 == 0 })
    let none = try ForecastSources().forecast(.none, schedule)
    #expect(BatchLoads(pool, .batches(none), distance: 1).expectsNothing)
  }
}
