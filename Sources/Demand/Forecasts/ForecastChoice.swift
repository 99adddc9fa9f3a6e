/// The forecasts that a staged run can be given, by name.
public enum ForecastChoice: String, CaseIterable, Sendable {
  /// Expects nothing.
  case none
  /// Expects the mean of what a layer has asked for so far.
  case frequency
  /// Expects what a layer asked for in the last step.
  case persistence
  /// The paper's: rows of the token heatmap, weighted with the requests of now.
  case heatmap
  /// The forecasting module's mixture, token by token.
  case mixture
  /// Knows the schedule: a bound.
  case oracle
  /// The heatmap's with its experts in a wrong order: a control.
  case shuffled

  /// Whether it is made from a token heatmap.
  public var usesHeatmap: Bool { self == .heatmap || self == .shuffled }
}

/// What forecasts are made from, made once for all configurations of a trace.
///
/// ```swift
/// let sources = ForecastSources(transitions: try TransitionCounts(of: pool))
/// let forecast = try sources.forecast(.heatmap, schedule)
/// ```
public struct ForecastSources: Sendable {
  /// The token heatmap, for those that use it (``ForecastChoice/usesHeatmap``).
  public var transitions: TransitionCounts?
  /// The mixture's chances, for ``ForecastChoice/mixture``.
  public var mixture: MixtureTables?

  /// Holds what there is.
  public init(transitions: TransitionCounts? = nil, mixture: MixtureTables? = nil) {
    self.transitions = transitions
    self.mixture = mixture
  }

  /// A fresh forecast of the schedule's demand.
  ///
  /// - Throws: ``SimulationError`` where its source is missing.
  public func forecast(
    _ choice: ForecastChoice, _ schedule: BatchSchedule
  ) throws(SimulationError) -> any DemandForecast {
    switch choice {
    case .none: return NoForecast(experts: schedule.experts)
    case .frequency: return FrequencyForecast(layers: schedule.layers, experts: schedule.experts)
    case .persistence:
      return PersistenceForecast(layers: schedule.layers, experts: schedule.experts)
    case .oracle: return OracleForecast(schedule)
    case .heatmap: return HeatmapForecast(try heatmap())
    case .shuffled:
      return ShuffledForecast(
        HeatmapForecast(try heatmap()), experts: schedule.experts, seed: 1)
    case .mixture:
      guard let mixture else { throw SimulationError("the mixture's tables were not made") }
      return TableForecast(schedule, mixture)
    }
  }

  private func heatmap() throws(SimulationError) -> TransitionCounts {
    guard let transitions else { throw SimulationError("a token heatmap was not made") }
    return transitions
  }
}
