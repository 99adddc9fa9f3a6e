import FoundationEssentials
import RoutingTrace
import Synchronization
import Testing
import WaferSamples

@testable import Demand
@testable import Staging
@testable import Wafer

struct SweepTests {
  private func sweep() throws -> Sweep {
    let pool = try Samples.pool()
    let other = ModelShape(
      name: "other", layers: 2, moeLayers: 0..<2, experts: 24, sharedExperts: 0, topK: 3,
      hidden: 500, intermediate: 500)
    var sweep = Sweep(
      systems: [Samples.hardware],
      workloads: [
        Sweep.Workload(model: Samples.model, format: .bf16, pool: pool, origin: "real"),
        Sweep.Workload(
          model: other, format: .fp8, pool: pool.scaled(to: try other.traceShape()),
          origin: "scaled from sample"),
      ])
    sweep.batches = [50, 100]
    (sweep.steps, sweep.warmSteps) = (4, 1)
    return sweep
  }

  @Test func rowsDoNotDependOnWorkers() throws {
    let sweep = try sweep()
    let rows = try sweep.run(workers: 1)
    // Five strategies and three forecasts of real requests, two of scaled ones.
    #expect(rows.count == sweep.count && rows.count == 2 * 8 + 2 * 7)
    #expect(rows == (try sweep.run(workers: 3)))
    #expect(
      rows.map(\.strategy).prefix(8)
        == ["base", "ep", "allo", "pred", "allo+pred", "staged", "staged", "staged"])
    #expect(
      rows.compactMap(\.forecast)
        == [.persistence, .heatmap, .mixture, .persistence, .heatmap, .mixture]
        + [.persistence, .heatmap, .persistence, .heatmap])
    for row in rows {
      #expect(row.layerSeconds > 0 && row.tokensPerSecond > 0)
      #expect((row.hostOverhead != nil) == ["allo", "allo+pred", "staged"].contains(row.strategy))
      #expect((row.staging != nil) == (row.strategy == "staged"))
      #expect((row.forecast != nil) == (row.strategy == "staged"))
      #expect((row.regret != nil) == (row.strategy == "staged" && row.origin == "real"))
      #expect((row.overPersistence != nil) == (row.regret != nil))
      #expect(row.forecast != .persistence || row.overPersistence ?? 0 == 0)
      #expect(row.regret ?? 0 >= 0)
    }
  }

  /// Rows that an earlier run made are not made again; one that is stopped has those that are done,
  /// in the order of all.
  @Test(arguments: [0, 1, 5, 13, 30]) func itGoesOnFromEarlierRows(count: Int) throws {
    let sweep = try sweep()
    let whole = try sweep.run(workers: 2)
    // Jobs are kept whole; cut ones are made again.
    let earlier = Array(whole.prefix(count))
    let told = Mutex<[Sweep.Row]>([])
    let rows = try sweep.run(
      workers: 2, earlier: earlier, finished: { rows in told.withLock { $0 += rows } })
    #expect(rows == whole)
    #expect(told.withLock { Set($0) } == Set(whole))
    #expect(told.withLock(\.count) == whole.count)
    let stopped = try sweep.run(workers: 2, earlier: earlier, isStopped: { true })
    #expect(stopped == earlier)
  }

  @Test func aStoppedSweepKeepsWhatIsDone() throws {
    let sweep = try sweep()
    let whole = try sweep.run(workers: 1)
    let done = Mutex(0)
    let rows = try sweep.run(
      workers: 1, isStopped: { done.withLock { $0 >= 4 } },
      finished: { rows in done.withLock { $0 += rows.count } })
    #expect(rows.count >= 4 && rows.count < whole.count)
    #expect(rows == whole.filter(rows.contains))
    #expect(try sweep.run(workers: 2, earlier: rows) == whole)
  }

  /// A row is the same after it was written and read.
  @Test func rowsAreKeptToTheLastBit() throws {
    let rows = try sweep().run(workers: 2)
    let data = try JSONEncoder().encode(rows)
    #expect(try JSONDecoder().decode([Sweep.Row].self, from: data) == rows)
  }

  /// A sweep's rows are those of single runs, whatever they share.
  @Test func rowsAreThoseOfSingleRuns() throws {
    var sweep = try sweep()
    sweep.heatmapIsInSample = true
    let rows = try sweep.run(workers: 2)
    let workload = sweep.workloads[0]
    let transitions = try TransitionCounts(of: workload.pool)
    for strategy in Strategy.allCases {
      var simulation = Simulation(
        hardware: Samples.hardware, model: Samples.model, batch: 100, steps: 4,
        strategy: strategy)
      simulation.warmSteps = 1
      let result = try simulation.run(workload.pool, transitions: transitions)
      let row = try #require(
        rows.first { $0.strategy == strategy.rawValue && $0.batch == 100 && $0.model == "sample" })
      #expect(row.layerSeconds == result.meanLayerSeconds && row.copies == result.mean(\.copies))
    }
    let schedule = BatchSchedule(workload.pool, size: 100, steps: 4)
    let simulation = StagingSimulation(hardware: Samples.hardware, model: Samples.model)
    let comparison = try simulation.compare(
      workload.pool, schedule: schedule,
      forecasts: [
        PersistenceForecast(layers: 3, experts: 12), HeatmapForecast(transitions),
        TableForecast(schedule, try MixtureTables(workload.pool, horizon: 1)),
      ], warmSteps: 1)
    let row = try #require(rows.first { $0.forecast == .mixture && $0.batch == 100 })
    #expect(row.staging == comparison.results[2].staging)
    #expect(row.regret == comparison.regret(of: 2))
    #expect(row.overPersistence == comparison.overPersistence(of: 2))
    // What is counted as batches go by is another heatmap.
    sweep.heatmapIsInSample = false
    let online = try sweep.run(workers: 2)
    #expect(online[3].copies != rows[3].copies && online[2] == rows[2])
  }

  @Test func errorsOfOneConfigurationEndTheSweep() throws {
    var sweep = try sweep()
    sweep.warmSteps = 4
    #expect(throws: SimulationError.self) { try sweep.run(workers: 2) }
  }

  @Test func scaledPoolsKeepRequestsAndRepetition() throws {
    let pool = try Samples.pool()
    let target = try TraceShape(modelLayers: Array(0..<5), experts: 36, topK: 4)
    let scaled = pool.scaled(to: target)
    #expect(scaled.requests == pool.requests && scaled.tokens == pool.tokens)
    for token in 0..<scaled.tokens {
      for layer in 0..<5 {
        let chosen = scaled.chosen(by: [token], layer: layer)
        #expect(chosen.count == 4 && Set(chosen).count == 4)
        #expect(chosen.allSatisfy { $0 < 36 })
        // The first two choices stand for the source's own.
        let own = pool.chosen(by: [token], layer: layer % 3)
        #expect(chosen.prefix(2).map { $0 % 12 } == own)
      }
    }
    let narrow = pool.scaled(to: try TraceShape(modelLayers: [0], experts: 12, topK: 1))
    #expect(narrow.chosen(by: [3], layer: 0) == Array(pool.chosen(by: [3], layer: 0).prefix(1)))
  }

  @Test func hostAllocationAddsItsParts() {
    var host = HostAllocation()
    (host.roundTripSeconds, host.bytesPerSecond, host.secondsPerTask) = (1e-5, 1e9, 1e-8)
    #expect(abs(host.seconds(experts: 250, tasks: 100) - (1e-5 + 2.2e-6 + 1e-6)) < 1e-15)
  }
}
