import Demand
import RoutingTrace
import Wafer

/// Several forecasts on the same batches, beside what who knows the future would make of them.
///
/// ```swift
/// let comparison = try simulation.compare(
///   pool, schedule: schedule, forecasts: [heatmap, mixture], warmSteps: 8)
/// print(comparison.regret(of: 0))
/// ```
public struct StagingComparison: Hashable, Sendable {
  /// By forecast, in the order given; a perfect forecast's is the bound's.
  public let results: [StagingResult]
  /// The run of persistence, which has learnt nothing: what a forecast has to beat.
  public let persistence: StagingResult
  /// The least that is known to be enough: the best run of a perfect forecast, held back or not, or
  /// of any forecast compared, as who knows what comes knows what each of them would have done.
  public let bound: StagingResult
  /// The same with Belady's eviction to choose from; nil where that was not asked for.
  public let clairvoyantBound: StagingResult?

  /// How much longer a forecast's run took than persistence's, as a share of that; below 0 where it
  /// was shorter.
  public func overPersistence(of index: Int) -> Double {
    results[index].regret(against: persistence)
  }

  /// How much longer a forecast's run took than the bound's, as a share of the bound's time; never
  /// below 0.
  public func regret(of index: Int) -> Double { results[index].regret(against: bound) }

  /// The same against the bound that may evict by Belady's rule.
  public func regretToBelady(of index: Int) -> Double? {
    clairvoyantBound.map { results[index].regret(against: $0) }
  }
}

extension StagingSimulation {
  /// Runs forecasts side by side, persistence, and a perfect one.
  ///
  /// - Parameters:
  ///   - schedule: Made from `pool`.
  ///   - warmSteps: Steps at the beginning that stage but are not counted.
  ///   - withBelady: Whether Belady's eviction is run too.
  /// - Throws: ``Demand/SimulationError`` as a run.
  public func compare(
    _ pool: RequestPool, schedule: BatchSchedule, forecasts: [any DemandForecast],
    warmSteps: Int = 0, withBelady: Bool = true
  ) throws(SimulationError) -> StagingComparison {
    let oracle = OracleForecast(schedule)
    // Persistence runs once, be it compared or not.
    let own = forecasts.firstIndex { $0.name == ForecastChoice.persistence.rawValue }
    let rivals: [any DemandForecast] =
      own == nil
      ? [PersistenceForecast(layers: schedule.layers, experts: schedule.experts), oracle] : [oracle]
    var results = try run(
      pool, schedule: schedule, forecasts: forecasts + rivals, warmSteps: warmSteps)
    /// A perfect forecast's run with other options.
    func perfect(_ change: (inout StagingOptions) -> Void) throws(SimulationError) -> StagingResult
    {
      var other = self
      change(&other.options)
      return try other.run(pool, schedule: schedule, forecast: oracle, warmSteps: warmSteps)
    }
    var perfectRuns = [results.removeLast()]
    let persistence = own.map { results[$0] } ?? results.removeLast()
    perfectRuns.append(try perfect { $0.holdsBack.toggle() })
    let bound = Self.fastest(perfectRuns + [persistence] + results)
    for index in results.indices where forecasts[index].certainty == .perfect {
      results[index] = bound
    }
    var clairvoyant = [bound]
    if withBelady, options.eviction != .belady {
      for holdsBack in [true, false] {
        clairvoyant.append(
          try perfect { ($0.eviction, $0.holdsBack) = (.belady, holdsBack) })
      }
    }
    return StagingComparison(
      results: results, persistence: persistence, bound: bound,
      clairvoyantBound: withBelady ? Self.fastest(clairvoyant) : nil)
  }

  /// The run of the shortest layers, the first of several.
  private static func fastest(_ runs: [StagingResult]) -> StagingResult {
    var best = runs[0]
    for run in runs
    where run.simulation.meanLayerSeconds < best.simulation.meanLayerSeconds { best = run }
    return best
  }
}
