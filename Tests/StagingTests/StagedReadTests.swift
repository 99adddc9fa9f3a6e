import Testing
import WaferSamples

@testable import Demand
@testable import Staging
@testable import Wafer

@Suite struct StagedReadTests {
  /// A run with memory for a few copies a die, by either engine, with `gap` seconds between layers.
  private func run(
    _ engine: Engine, notes: Bool, warm: Int = 2, gap: Double = 20e-6
  ) throws -> StagingResult {
    let pool = try Samples.pool()
    var options = StagingOptions()
    options.copyBytes = 3 * 6e6
    options.bufferBytes = 6e6
    options.chunkBytes = 1e6
    options.gapSeconds = gap
    options.holdsBack = false
    var simulation = StagingSimulation(
      hardware: Samples.hardware, model: Samples.model, options: options)
    simulation.engine = engine
    simulation.notesReads = notes
    let schedule = BatchSchedule(pool, size: 9, steps: 12, policy: .replay(stride: 2, period: 8))
    return try simulation.run(
      pool, schedule: schedule, forecast: HeatmapForecast(try TransitionCounts(of: pool)),
      warmSteps: warm)
  }

  /// What is noted adds up to what is counted, die by die and turn by turn.
  @Test(arguments: [Engine.bound(BoundEngine()), .event(EventEngine())])
  func notesAddUpToTheReport(engine: Engine) throws {
    // Time between layers brings what is expected; without it transfers are in each other's way.
    let (long, none) = (
      try run(engine, notes: true), try run(engine, notes: true, warm: 0, gap: 0)
    )
    for result in [long, none] { try expectSums(of: result) }
    #expect(long.staging.stagedOnTime > 0 && long.staging.transfersWasted > 0)
    #expect(none.staging.cancelled > long.staging.cancelled, "\(none.staging), \(long.staging)")
  }

  private func expectSums(of result: StagingResult) throws {
    func count(_ kind: StagedRead.Kind) -> Int { result.reads.count { $0.kind == kind } }
    let report = result.staging
    #expect(count(.local) == report.local && count(.demand) == report.demand)
    #expect(count(.onTime) == report.stagedOnTime && count(.late) == report.stagedLate)
    #expect(count(.wasted) == report.transfersWasted)
    // A layer's tasks each read once, at a die and in a turn that there is.
    let layers = result.simulation.layers
    for row in result.simulation.rows {
      let own = result.reads.filter {
        $0.turn == row.step * layers + row.layer && $0.kind != .wasted
      }
      #expect(own.count == row.result.tasks)
    }
    #expect(result.reads.allSatisfy { (0..<Samples.hardware.dies).contains($0.die) })
  }

  @Test func nothingIsNotedUnasked() throws {
    let (with, without) = (
      try run(.bound(BoundEngine()), notes: true), try run(.bound(BoundEngine()), notes: false)
    )
    #expect(without.reads.isEmpty && !with.reads.isEmpty)
    #expect(with.staging == without.staging && with.simulation == without.simulation)
  }
}
