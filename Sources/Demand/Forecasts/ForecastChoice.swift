/// The forecasts that a staged run can be given, by name.
public enum ForecastChoice: String, CaseIterable, Codable, Sendable {
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
  /// What batches made of the mixture, of persistence and of frequency so far: ``BlendForecast``.
  case blend
  /// Knows the schedule: a bound.
  case oracle
  /// The heatmap's with its experts in a wrong order: a control.
  case shuffled

  /// Whether it is made from a token heatmap.
  public var usesHeatmap: Bool { self == .heatmap || self == .shuffled }

  /// Whether it is made from a mixture's chances.
  public var usesMixture: Bool { self == .mixture || self == .blend }
}

/// What forecasts are made from, made once for all configurations of a trace.
///
/// ```swift
/// let sources = ForecastSources(transitions: try TransitionCounts(of: pool))
/// let forecast = try sources.forecast(.heatmap, schedule)
/// ```
public struct ForecastSources: Sendable {
  /// The token heatmap, for those that use it (``ForecastChoice/usesHeatmap``); nil where it is
  /// counted as batches go by.
  public var transitions: TransitionCounts?
  /// The mixture's chances, for those that use it (``ForecastChoice/usesMixture``).
  public var mixture: MixtureTables?
  /// A trained model's chances, which take the fresh mixture's place.
  public var trained: RecordedChances?

  /// Holds what there is.
  public init(
    transitions: TransitionCounts? = nil, mixture: MixtureTables? = nil,
    trained: RecordedChances? = nil
  ) {
    self.transitions = transitions
    self.mixture = mixture
    self.trained = trained
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
    case .heatmap: return heatmap(schedule)
    case .shuffled:
      return ShuffledForecast(
        heatmap(schedule), experts: schedule.experts, seed: 1)
    case .mixture: return try mixture(schedule)
    case .blend: return BlendForecast(try mixture(schedule), schedule)
    }
  }

  private func mixture(_ schedule: BatchSchedule) throws(SimulationError) -> TableForecast {
    if let trained {
      return TableForecast(
        ForecastChoice.mixture.rawValue, schedule, nextToken: trained.nextToken,
        laterLayers: trained.laterLayers)
    }
    guard let mixture else { throw SimulationError("the mixture's tables were not made") }
    return TableForecast(schedule, mixture)
  }

  private func heatmap(_ schedule: BatchSchedule) -> HeatmapForecast {
    transitions.map { HeatmapForecast($0) } ?? HeatmapForecast(counting: schedule)
  }
}
