import Forecast
import RoutingTrace
import Testing
import WaferSamples

@testable import Demand

struct ChanceTableTests {
  @Test func doesNotDependOnWorkers() throws {
    let pool = try Samples.pool()
    let one = try ChanceTable(pool, ChanceTable.nextLayer)
    let two = try ChanceTable(pool, ChanceTable.nextLayer, workers: 2)
    for token in 0..<pool.tokens {
      for layer in 0..<3 {
        let row = one.row(token: token, layer: layer)
        #expect(row == two.row(token: token, layer: layer))
        #expect(row.count == 12 && row.allSatisfy { $0 >= 0 && $0 <= 1 })
      }
    }
  }

  /// Changing a token must not change what was forecast for it, nor for anything before it; what
  /// may not be known yet of the same token must not show either.
  @Test func looksAtNothingThatIsNotKnownYet() throws {
    let pool = try Samples.pool()
    var changed = RequestPool(shape: pool.shape)
    for request in 0..<pool.requests {
      let per = pool.shape.idsPerToken
      var ids = (pool.starts[request]..<pool.starts[request + 1]).flatMap { token in
        (0..<3).flatMap { pool.choice(of: token, layer: $0) }
      }
      // The sixth request's third token, layers 1 and 2.
      if request == 5 { for slot in 2..<6 { ids[2 * per + slot] = (ids[2 * per + slot] + 6) % 12 } }
      changed.add(ids)
    }
    let token = pool.starts[5] + 2
    let layers = try (
      ChanceTable(pool, ChanceTable.nextLayer), ChanceTable(changed, ChanceTable.nextLayer)
    )
    let tokens = try (
      ChanceTable(pool, ChanceTable.nextToken), ChanceTable(changed, ChanceTable.nextToken)
    )
    for earlier in 0...token {
      for layer in 0..<3 {
        #expect(
          tokens.0.row(token: earlier, layer: layer) == tokens.1.row(token: earlier, layer: layer))
        if earlier < token || layer < 2 {
          #expect(
            layers.0.row(token: earlier, layer: layer) == layers.1.row(token: earlier, layer: layer)
          )
        }
      }
    }
    // Layer 0 did not change, so what follows there from its own history alone did not either.
    #expect(tokens.0.row(token: token + 1, layer: 0) == tokens.1.row(token: token + 1, layer: 0))
    #expect(tokens.0.row(token: token + 1, layer: 1) != tokens.1.row(token: token + 1, layer: 1))
  }

  /// Over the steps, the sums must come to what the batch asks for.
  @Test func mixtureForecastIsSetRightByWhatIsSeen() throws {
    let pool = try Samples.pool()
    let schedule = BatchSchedule(pool, size: 40, steps: 60)
    var forecast = TableForecast(schedule, try MixtureTables(pool, horizon: 1))
    var sums: [Double] = []
    for step in 0..<59 {
      forecast.observe(
        step: step, layer: 0, chosen: pool.chosen(by: schedule.tokens[step], layer: 0))
      sums.append(forecast.nextStep(layer: 0).reduce(0, +))
    }
    // The batch makes 80 requests a step.
    let late: Double = sums[40...].reduce(0, +) / 19
    #expect(abs(late - 80) < 8)
    forecast.observe(step: 59, layer: 0, chosen: [])
    #expect(forecast.nextStep(layer: 0).allSatisfy { $0 == 0 })
  }

  /// Every way of looking ahead is set right by its own record, so that all come to what is asked
  /// for.
  @Test(arguments: [0, 1, 2]) func everyHorizonIsSetRightByItsOwnRecord(ahead: Int) throws {
    let pool = try Samples.pool()
    let schedule = BatchSchedule(pool, size: 40, steps: 60)
    var forecast = TableForecast(schedule, try MixtureTables(pool, horizon: 2))
    var expected = Array(repeating: 0.0, count: 12)
    var seen = expected
    for step in 0..<59 {
      for layer in 0..<3 {
        forecast.observe(
          step: step, layer: layer, chosen: pool.chosen(by: schedule.tokens[step], layer: layer))
        guard step >= 30, layer + ahead == 2 else { continue }
        let loads =
          ahead == 0 ? forecast.nextStep(layer: 2) : forecast.laterLayer(2, observed: layer)
        let counts = schedule.counts(step: ahead == 0 ? step + 1 : step, layer: 2)
        for expert in 0..<12 {
          expected[expert] += loads[expert]
          seen[expert] += Double(counts[expert])
        }
      }
    }
    for expert in 0..<12 { #expect(abs(expected[expert] / seen[expert] - 1) < 0.1) }
  }

  /// Layers ahead are forecast by the mixture of their horizon, and by earlier tokens beyond the
  /// longest.
  @Test func layersAheadAreForecastAtTheirHorizon() throws {
    let pool = try Samples.pool()
    let schedule = BatchSchedule(pool, size: 30, steps: 4)
    var near = TableForecast(schedule, try MixtureTables(pool, horizon: 1))
    var far = TableForecast(schedule, try MixtureTables(pool, horizon: 2))
    let none = try MixtureTables(pool, horizon: 0)
    var tokens = TableForecast(schedule, none)
    for step in 0..<4 {
      let chosen = pool.chosen(by: schedule.tokens[step], layer: 0)
      near.observe(step: step, layer: 0, chosen: chosen)
      far.observe(step: step, layer: 0, chosen: chosen)
      tokens.observe(step: step, layer: 0, chosen: chosen)
      #expect(far.laterLayer(1, observed: 0) == near.laterLayer(1, observed: 0))
      #expect(far.laterLayer(2, observed: 0) != near.laterLayer(2, observed: 0))
      #expect(tokens.laterLayer(2, observed: 0) == near.laterLayer(2, observed: 0))
      // Nothing was corrected yet: layer 2 was never observed.
      let table = try ChanceTable(pool, ChanceTable.laterLayer(2))
      #expect(
        far.laterLayer(2, observed: 0)
          == table.demand(of: schedule.distinct[step], layer: 2).load)
    }
    #expect(try MixtureTables(pool, horizon: 9).laterLayers.count == 4)
  }
}
