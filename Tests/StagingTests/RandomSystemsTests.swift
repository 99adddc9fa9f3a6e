import RoutingTrace
import Testing
import WaferSamples

@testable import Demand
@testable import Staging
@testable import Wafer

/// Laws of staged runs on systems, batches and options drawn at random.
struct RandomSystemsTests {
  /// A configuration drawn by a seed.
  private struct Drawn {
    var simulation: StagingSimulation
    let schedule: BatchSchedule
    let warmSteps: Int
    let forecasts: [any DemandForecast]

    init(seed: UInt64, eviction: EvictionPolicy? = nil) throws {
      var random = SeededGenerator(seed: seed)
      func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &random)]
      }
      let pool = try Samples.pool()
      var hardware = Hardware()
      hardware.topology = pick([.mesh, .ring, .switch])
      hardware.columns = Int.random(in: 1...4, using: &random)
      hardware.rows = Int.random(in: 1...2, using: &random)
      hardware.hbmBandwidth = pick([1e12, 3.35e12, 8e12])
      hardware.linkBandwidth = pick([50e9, 900e9, 1.7e12])
      hardware.expertHome = pick([.hbm, .hbm, .host])
      hardware.computeFlops = pick([100e12, 989e12])
      var options = StagingOptions()
      options.eviction = eviction ?? pick(EvictionPolicy.allCases)
      options.horizon = Int.random(in: 0...2, using: &random)
      options.gapSeconds = pick([0, 20e-6, 500e-6])
      options.copyBytes = Double(Int.random(in: 0...12, using: &random)) * 6e6
      options.bufferBytes = pick([0, 6e6, 24e6])
      options.chunkBytes = 1e6
      options.allocation.blockSize = 10
      simulation = StagingSimulation(hardware: hardware, model: Samples.model, options: options)
      if Bool.random(using: &random) {
        var event = EventEngine()
        event.chunkBytes = 1e6
        simulation.engine = .event(event)
      }
      warmSteps = pick([0, 4])
      schedule = BatchSchedule(
        pool, size: pick([1, 2, 7, 60]), steps: warmSteps + 20,
        policy: pick([.continuous(seed: seed), .replay(stride: 2, period: 8)]))
      let transitions = try TransitionCounts(of: pool)
      forecasts = [
        NoForecast(experts: 12), PersistenceForecast(layers: 3, experts: 12),
        FrequencyForecast(layers: 3, experts: 12), HeatmapForecast(transitions),
        TableForecast(schedule, try MixtureTables(pool, horizon: 2)),
        ShuffledForecast(HeatmapForecast(transitions), experts: 12, seed: 1),
        OracleForecast(schedule),
      ]
    }

    func run() throws -> StagingComparison {
      try simulation.compare(
        try Samples.pool(), schedule: schedule, forecasts: forecasts, warmSteps: warmSteps)
    }
  }

  /// No forecast is ahead of the bound, and none loses more in the steps that count than it may: what
  /// ``StagingLedger`` says, and, as plans differ once copies do, a read of an expert a die.
  @Test(arguments: 0..<60) func boundsHold(seed: Int) throws {
    let drawn = try Drawn(seed: UInt64(seed))
    let comparison = try drawn.run()
    let none = comparison.results[0].simulation.meanLayerSeconds
    let allowed =
      StagingLedger.share + (StagingLedger.ofStep + StagingLedger.ofStepOnTrial) / 20
    let fabric = drawn.simulation.fabric
    let costs = TransferCosts(drawn.simulation)
    let homes = HomePlacement.contiguous.homes(experts: 12, on: fabric)
    let reads =
      (0..<fabric.dies).reduce(0) { sum, die in
        sum + (homes.map { costs.readSeconds(from: $0, to: die) }.max() ?? 0)
      } / 60
    let oracle = comparison.results[6].simulation.meanLayerSeconds
    for (index, forecast) in drawn.forecasts.enumerated() {
      let seconds = comparison.results[index].simulation.meanLayerSeconds
      #expect(comparison.regret(of: index) >= 0)
      #expect(try #require(comparison.regretToBelady(of: index)) >= comparison.regret(of: index))
      #expect(oracle <= seconds, "\(forecast.name)")
      #expect(seconds <= none * (1 + allowed) + reads, "\(forecast.name) takes \(seconds / none)")
    }
  }
}
