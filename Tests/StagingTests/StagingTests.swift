import RoutingTrace
import Testing

@testable import Wafer

struct StagingTests {
  private let pool: RequestPool
  private let transitions: TransitionCounts

  init() throws {
    pool = try Samples.pool()
    transitions = TransitionCounts(of: pool)
  }

  /// Memory for a few copies a die, idle time between layers.
  private var options: StagingOptions {
    var options = StagingOptions()
    options.copyBytes = 3 * 6e6
    options.bufferBytes = 6e6
    options.chunkBytes = 1e6
    options.gapSeconds = 20e-6
    options.allocation.blockSize = 10
    return options
  }

  private func run(
    _ forecast: any DemandForecast, _ options: StagingOptions, steps: Int = 12, batch: Int = 60,
    hardware: Hardware = Samples.hardware
  ) throws -> StagingResult {
    try StagingSimulation(hardware: hardware, model: Samples.model, options: options).run(
      pool, schedule: schedule(steps: steps, batch: batch), forecast: forecast)
  }

  private func schedule(steps: Int = 12, batch: Int = 60) -> BatchSchedule {
    BatchSchedule(pool, size: batch, steps: steps, policy: .replay(stride: 2, period: 8))
  }

  private var forecasts: [any DemandForecast] {
    [
      NoForecast(experts: 12), FrequencyForecast(layers: 3, experts: 12),
      HeatmapForecast(transitions), OracleForecast(schedule()),
      ShuffledForecast(HeatmapForecast(transitions), experts: 12, seed: 1),
    ]
  }

  @Test(arguments: EvictionPolicy.allCases, [true, false])
  func everyReadAndTransferIsCountedOnce(eviction: EvictionPolicy, holdsBack: Bool) throws {
    for forecast in forecasts {
      var options = options
      (options.eviction, options.holdsBack) = (eviction, holdsBack)
      let result = try run(forecast, options)
      let report = result.staging
      #expect(report.reads == result.simulation.rows.reduce(0) { $0 + $1.result.tasks })
      #expect(report.coverage >= 0 && report.coverage <= 1)
      #expect(report.precision >= 0 && report.precision <= 1)
      #expect(
        (report.transfersUsed + report.transfersWasted > 0)
          == (report.bytesUsed + report.bytesWasted > 0))
      #expect(report.stagedLate > 0 || report.lateSeconds == 0)
      // Twice the same, to the last bit.
      #expect(result == (try run(forecast, options)))
    }
  }

  @Test func noForecastStagesNothing() throws {
    let report = try run(NoForecast(experts: 12), options).staging
    #expect(report.transfersUsed + report.transfersWasted + report.stagedOnTime == 0)
    #expect(report.preemptionSeconds == 0)
  }

  /// No more copies are ordered than may wait at a die; nothing else brings weights here.
  @Test func noMoreIsOrderedThanMayWait() throws {
    let hardware = try #require(try Hardware.shipped("pcie-1"))
    func brought(_ limit: Int) throws -> Int {
      var options = options
      (options.queueLimit, options.horizon, options.holdsBack) = (limit, 0, false)
      // Nothing moves, so that all that was ordered is taken back in the end.
      options.bandwidthShare = 0
      options.copyBytes = 12 * 6e6
      let report = try run(
        OracleForecast(schedule(batch: 4)), options, batch: 4, hardware: hardware
      ).staging
      return report.transfersUsed + report.transfersWasted + report.cancelled
    }
    #expect(try brought(0) == 0)
    let orders = try [1, 2, 3, 32].map(brought)
    // As many as may wait are ordered anew in each of the 11 steps that have a next one.
    #expect(orders.prefix(3) == [11, 22, 33])
    #expect(orders[3] > 33)
  }

  @Test func noBandwidthMovesNothing() throws {
    var options = options
    options.bandwidthShare = 0
    let report = try run(OracleForecast(schedule()), options).staging
    #expect(report.transfersUsed + report.transfersWasted == 0)
  }

  @Test func perfectForecastIsFasterThanNone() throws {
    let none = try run(NoForecast(experts: 12), options)
    let oracle = try run(OracleForecast(schedule()), options)
    #expect(oracle.simulation.meanLayerSeconds < none.simulation.meanLayerSeconds)
    #expect(oracle.staging.transfersUsed > 0)
    #expect(none.regret(against: oracle) > 0)
  }

  /// One GPU whose experts live in the host's memory, room for a third of them, and time between
  /// layers in which transfers can do harm: they push out what would have been read again.
  @Test func prefetchThatWouldHurtIsHeldBack() throws {
    let hardware = try #require(try Hardware.shipped("pcie-1"))
    var options = options
    options.copyBytes = 12 * 6e6
    options.bufferBytes = 0
    options.gapSeconds = 500e-6
    options.eviction = .leastRecent
    func seconds(_ forecast: any DemandForecast, holdsBack: Bool) throws -> Double {
      options.holdsBack = holdsBack
      return try run(forecast, options, steps: 200, batch: 2, hardware: hardware).simulation
        .meanLayerSeconds
    }
    let wrong = ShuffledForecast(HeatmapForecast(transitions), experts: 12, seed: 1)
    let none = try seconds(NoForecast(experts: 12), holdsBack: true)
    let forced = try seconds(wrong, holdsBack: false)
    let heldBack = try seconds(wrong, holdsBack: true)
    #expect(forced > none * 1.05, "a wrong forecast has to hurt for this to mean anything")
    #expect(heldBack < none + 0.4 * (forced - none))
  }

  @Test func copiesNeverExceedTheirMemory() throws {
    var store = CopyStore(slots: 2, keys: 10)
    func copy(_ key: Int, _ use: Int, _ value: Double) -> CopyStore.Copy {
      CopyStore.Copy(key: key, lastUse: use, arrived: use, value: value, isFresh: true)
    }
    #expect(store.victim(.leastRecent) { $0 } == nil)
    store.add(copy(3, 1, 5))
    store.add(copy(7, 2, 1))
    #expect(store.victim(.leastRecent) { $0 }?.key == 3)
    #expect(store.victim(.leastExpected) { $0 }?.key == 7)
    #expect(store.victim(.belady) { $0 }?.key == 7)
    store.use(3, at: 9)
    #expect(store.victim(.leastFrequent) { $0 }?.key == 7)
    #expect(store.victim(.leastRecent) { $0 }?.key == 7)
    #expect(!store.isFresh(3) && store.isFresh(7))
    store.remove(3)
    #expect(!store.holds(3) && store.holds(7) && store.copies.count == 1)
  }
}

struct TransferQueueTests {
  /// Two dies, 1 MB chunks, memories of 1 TB/s and links of 0.5 TB/s: 1 and 2 us a chunk.
  private var fabric: Fabric {
    var hardware = Hardware()
    (hardware.columns, hardware.rows) = (2, 1)
    (hardware.hbmBandwidth, hardware.linkBandwidth) = (1e12, 0.5e12)
    return Fabric(hardware)
  }

  @Test func movesWholeChunksOfTheBestTransferInIdleTime() {
    var queue = TransferQueue(fabric: fabric, chunkBytes: 1e6)
    queue.add(Transfer(key: 1, source: 0, die: 1, target: .copy, chunks: 3, value: 1))
    queue.add(Transfer(key: 2, source: 0, die: 1, target: .copy, chunks: 3, value: 2))
    var (memory, link) = ([9.5e-6, 9.5e-6], [9.5e-6, 9.5e-6])
    let (completed, moved) = queue.advance(idleMemory: &memory, idleLink: &link)
    // The link carries four chunks: three of the better transfer and one of the other.
    #expect(moved == 4)
    #expect(completed.map(\.key) == [2])
    #expect(queue.transfers.map(\.done) == [1])
    #expect(abs(memory[1] - 5.5e-6) < 1e-12 && abs(link[0] + link[1] - 11e-6) < 1e-12)
  }

  @Test func demandLeavesNoTimeThenNothingMoves() {
    var queue = TransferQueue(fabric: fabric, chunkBytes: 1e6)
    queue.add(Transfer(key: 1, source: 0, die: 1, target: .copy, chunks: 3, value: 1))
    var (memory, link) = ([0.9e-6, 9e-6], [9e-6, 9e-6])
    #expect(queue.advance(idleMemory: &memory, idleLink: &link).chunks == 0)
    #expect(queue.take { $0.key == 1 }.count == 1 && queue.transfers.isEmpty)
  }
}

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
