import RoutingTrace
import Testing
import WaferSamples

@testable import Demand
@testable import Staging
@testable import Wafer

/// What copies and staging buffers take of a die's memory.
struct CapacityTests {
  private let pool: RequestPool
  init() throws { pool = try Samples.pool() }

  /// Room for 36 experts of 6 MB at 6 dies, so 6 a die, and `spare` more.
  private func simulation(spare: Double, _ options: StagingOptions) -> StagingSimulation {
    var hardware = Samples.hardware
    (hardware.hbmReserved, hardware.hbmCapacity) = (0, (6 + spare) * 6e6)
    return StagingSimulation(hardware: hardware, model: Samples.model, options: options)
  }

  @Test func copiesFillWhatIsLeft() {
    let schedule = BatchSchedule(pool, size: 4, steps: 2)
    func slots(spare: Double, _ change: (inout StagingOptions) -> Void = { _ in }) -> [Int] {
      var options = StagingOptions()
      change(&options)
      return simulation(spare: spare, options).copySlots(schedule)
    }
    // Three layers share them evenly.
    #expect(slots(spare: 8) == Array(repeating: 6, count: 6))
    #expect(slots(spare: 0) == Array(repeating: 0, count: 6))
    #expect(slots(spare: 0) { $0.enforcesCapacity = false } == Array(repeating: 36, count: 6))
    #expect(slots(spare: 0) { $0.copyBytes = 18e6 } == Array(repeating: 3, count: 6))
    // A buffer of 72 MB is none of an LLC's of 64 MB: twelve experts' room goes to it.
    #expect(slots(spare: 20) { $0.bufferBytes = 64e6 } == Array(repeating: 18, count: 6))
    #expect(slots(spare: 20) { $0.bufferBytes = 72e6 } == Array(repeating: 6, count: 6))
  }

  @Test func aBufferInHBMHasToFit() throws {
    var options = StagingOptions()
    options.bufferBytes = 72e6
    let schedule = BatchSchedule(pool, size: 4, steps: 2)
    func run(spare: Double) throws -> StagingResult {
      try simulation(spare: spare, options).run(
        pool, schedule: schedule, forecast: OracleForecast(schedule))
    }
    let error = #expect(throws: SimulationError.self) { try run(spare: 11) }
    #expect(
      error?.description
        == "a staging buffer of 72 MB is larger than the LLC of sample, 64 MB, and HBM has 66 MB"
        + " left for it; give at most 66 MB")
    _ = try run(spare: 12)
    options.copyBytes = 6e6
    #expect(throws: SimulationError.self) { try run(spare: 12) }
    options.enforcesCapacity = false
    _ = try run(spare: 12)
  }

  /// A chunk that comes into a buffer in HBM is written there, like a copy.
  @Test(arguments: [(false, 9), (true, 4)]) func aBufferInHBMIsWritten(inHBM: Bool, moved: Int) {
    var hardware = Hardware()
    (hardware.columns, hardware.rows) = (2, 1)
    (hardware.hbmBandwidth, hardware.linkBandwidth) = (1e12, 1e12)
    var queue = TransferQueue(fabric: Fabric(hardware), chunkBytes: 1e6, buffersInHBM: inHBM)
    queue.add(
      Transfer(
        CopyKey(ExpertKey(layer: 0, expert: 0), on: 1), from: 0, to: .buffer(turn: 1), chunks: 20,
        value: 1))
    // A microsecond a chunk; the target's memory is idle for less than half the time.
    var (memory, link) = ([9.5e-6, 4.5e-6], [9.5e-6, 9.5e-6])
    #expect(queue.advance(idleMemory: &memory, idleLink: &link).chunks == moved)
  }

  /// The first layers alone: their rows and no others, a share of the copies, throughput scaled.
  @Test func fewerLayersRun() throws {
    var options = StagingOptions()
    (options.copyBytes, options.gapSeconds) = (9 * 6e6, 1e-3)
    let simulation = simulation(spare: 0, options)
    let schedule = BatchSchedule(pool, size: 4, steps: 4, layers: 2)
    #expect(simulation.copySlots(schedule) == Array(repeating: 6, count: 6))
    let result = try simulation.run(
      pool, schedule: schedule, forecast: OracleForecast(schedule), warmSteps: 2
    ).simulation
    #expect(result.rows.map(\.layer) == [0, 1, 0, 1])
    let seconds = result.rows.reduce(0) { $0 + $1.result.seconds + 1e-3 }
    #expect(abs(result.tokensPerSecond - 8 / (seconds / 2 * 3)) < 1e-6)
    let all = BatchSchedule(pool, size: 4, steps: 4)
    for (step, layer) in [(0, 0), (0, 1), (3, 1)] {
      #expect(
        schedule.counts(step: step, layer: layer) == all.counts(step: step, layer: layer))
    }
  }
}
