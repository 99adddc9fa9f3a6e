import Demand
import RoutingTrace
import Testing
import Wafer
import WaferSamples

/// Single configurations, from a pool to figures.
struct SimulationTests {
  /// Strategies run on what the policy fills: other batches than the replayed ones, every task's
  /// weights read once.
  @Test(arguments: Strategy.allCases)
  func strategiesRunOnContinuousBatches(strategy: Strategy) throws {
    let pool = try Samples.pool()
    var simulation = Simulation(
      hardware: Samples.hardware, model: Samples.model, batch: 24, steps: 12, strategy: strategy)
    let transitions = try TransitionCounts(of: pool)
    let replayed = try simulation.run(pool, transitions: transitions)
    simulation.batching = .continuous(seed: 3)
    let continuous = try simulation.run(pool, transitions: transitions)
    #expect(continuous != replayed)
    #expect(continuous.rows.count == 12 * Samples.model.layers)
    for row in continuous.rows {
      #expect(row.result.tasks > 0)
      #expect(row.result.localReads + row.result.remoteReads == row.result.tasks)
    }
  }

  /// A die's table of copies has its entries shared evenly by the layers: three layers get one each of
  /// three to five, and none of two.
  @Test(arguments: [(0, 0), (2, 0), (3, 1), (5, 1), (6, 2)])
  func copiesHaveEntries(entries: Int, perLayer: Int) throws {
    let pool = try Samples.pool()
    var simulation = Simulation(
      hardware: Samples.hardware, model: Samples.model, batch: 7, steps: 12, strategy: .prediction)
    simulation.options.blockSize = 1
    simulation.options.copyEntries = entries
    let result = try simulation.run(pool, transitions: nil)
    let most = Samples.hardware.columns * Samples.hardware.rows * perLayer * 3
    let copies = result.rows.reduce(0) { $0 + $1.result.copies }
    #expect(copies <= most && (copies > 0) == (perLayer > 0))
    simulation.options.copyEntries = nil
    let free = try simulation.run(pool, transitions: nil)
    #expect(free.rows.reduce(0) { $0 + $1.result.copies } > most)
  }

  /// A preset is what its words say, and leaves the other choices alone.
  @Test func presetsAreNamedChoices() {
    var options = StrategyOptions()
    options.followers = 3
    PaperPreset.untuned.apply(to: &options)
    #expect(options.placement == .roundRobin && !options.enforcesCapacity)
    #expect(options.blockSize == StrategyOptions().blockSize && options.followers == 3)
    #expect(PaperPreset.untuned.format == .fp8 && PaperPreset.untuned.overrides.isEmpty)
    var tuned = StrategyOptions()
    PaperPreset.tuned.apply(to: &tuned)
    #expect(tuned.blockSize == 80 && tuned.allocation.blockSize == 80 && tuned.enforcesCapacity)
    #expect(PaperPreset.tuned.format == .bf16 && PaperPreset.tuned.steps == nil)
  }

  /// Two of eight layers, three seconds each in two steps of 10 tokens: the model would take 48.
  @Test func tokensASecondAreThoseOfAllLayers() {
    var layer = LayerResult(tasks: [], copies: 0, on: Fabric(Samples.hardware))
    layer.seconds = 3
    let rows = (0..<4).map { SimulationRow(step: $0 / 2, layer: $0 % 2, result: layer) }
    let result = SimulationResult(rows: rows, tokens: 20, layers: 2, modelLayers: 8)
    #expect(result.meanLayerSeconds == 3)
    #expect(result.tokensPerSecond == 20.0 / 48)
    let whole = SimulationResult(rows: rows, tokens: 20, layers: 2, modelLayers: 2)
    #expect(whole.tokensPerSecond == 20.0 / 12)
    let withGaps = SimulationResult(
      rows: rows, tokens: 20, layers: 2, modelLayers: 8, gapSeconds: 2)
    #expect(withGaps.meanLayerSeconds == 3)
    #expect(withGaps.tokensPerSecond == 20.0 / 80)
  }
}
