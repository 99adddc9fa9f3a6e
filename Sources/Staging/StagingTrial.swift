import Demand
import Glibc
import Wafer

/// The same engine with the same forecast, trusted: it risks whatever the forecast promises, beside
/// the run that is held back. What it has gained lately shows what the forecast is worth before
/// anything is risked for it.
struct StagingTrial {
  /// Steps after which a gain or loss counts for 1 / e of itself.
  private static let memorySteps = 4.0

  private var run: StagingRun
  /// By layer that passes.
  private let decay: Double
  /// Seconds that it has gained lately on the engine without forecasts; below 0 if lost.
  private(set) var lead = 0.0

  init(_ run: StagingRun) {
    self.run = run
    decay = exp(-1 / (Self.memorySteps * Double(run.schedule.layers)))
  }

  /// Runs the layer that the engine without forecasts has just run.
  mutating func layer(
    step: Int, layer: Int, counts: [Int], expecting expected: LayerExpectation,
    beside baseline: BaselineLayer, sharing plans: inout PlanBook
  ) {
    let seconds = run.layer(
      step: step, layer: layer, counts: counts, expecting: expected, sharing: &plans
    ).seconds
    lead = decay * lead + baseline.seconds - seconds
  }
}
