import Demand
import MemoryBudget
import RoutingTrace

/// What the forecasts of a simulation are made from: read and made once, for all configurations.
struct ForecastMaterials {
  /// The tokens that fill batches.
  let pool: RequestPool
  /// The heatmap known beforehand, if any; and the mixture's chances.
  let sources: ForecastSources
  /// What files forecast, by their names.
  private let recorded: [String: RecordedForecast]
  private let heatmap: HeatmapSource
  private let mixtureLabel: String

  /// - Parameters:
  ///   - forecasts: Those asked for.
  ///   - usesHeatmap: Whether anything is made from a heatmap.
  ///   - horizon: Layers ahead that a fresh mixture looks, at most.
  /// - Throws: `TraceError`, `ModelError`, `MemoryShortage`, `SimulationError`,
  ///   ``ForecastFileError``.
  init(
    _ tokens: TokenOptions, _ forecasts: [ForecastSource], usesHeatmap: Bool,
    _ heatmap: HeatmapChoice, _ model: TrainedModelChoice, horizon: Int, workers: Int
  ) throws {
    let files = Set(forecasts.compactMap(\.path)).sorted()
    self.heatmap = try heatmap.source()
    mixtureLabel = model.label
    let readsPrompts = usesHeatmap && self.heatmap == .prefill
    var read = TokenOptions.Reading(
      positions: files.isEmpty && model.model == nil ? nil : tokens.noPositions,
      prompts: readsPrompts)
    pool = try tokens.readPool(&read)
    let map = read.positions?.map()
    let usesMixture = forecasts.contains { $0.choice?.usesMixture ?? false }
    var sources = ForecastSources()
    if usesHeatmap {
      sources.transitions = try heatmap.transitions(pool, prompts: read.prompts)
    }
    if let path = model.model, let map {
      sources.trained = try RecordedChances(
        model: path, learns: model.learn, traces: tokens.traces, pool, map)
    } else if usesMixture {
      sources.mixture = try MixtureTables(pool, horizon: horizon, workers: workers)
    }
    self.sources = sources
    var recorded: [String: RecordedForecast] = [:]
    for path in files {
      if let map { recorded[path] = try RecordedForecast(file: path, pool, map) }
    }
    self.recorded = recorded
  }

  /// A fresh forecast.
  func forecast(
    _ source: ForecastSource, _ schedule: BatchSchedule
  ) throws(SimulationError) -> any DemandForecast {
    switch source {
    case .own(let choice): return try sources.forecast(choice, schedule)
    case .file(let path):
      guard let recorded = recorded[path] else { return NoForecast(experts: schedule.experts) }
      return recorded.forecast(path, schedule)
    }
  }

  /// The horizons of which a forecast tells, where it is a file's or a trained model's; else nil.
  func horizons(of source: ForecastSource) -> [Int]? {
    switch source {
    case .own(let choice): choice.usesMixture ? sources.trained?.horizons : nil
    case .file(let path): recorded[path]?.horizons
    }
  }

  /// The layers ahead of which a file's forecast tells at most; nil for forecasts of ours.
  func longestHorizon(of source: ForecastSource) -> Int? {
    source.path.flatMap { recorded[$0]?.horizons?.max() }
  }

  /// Where what a forecast has learnt comes from, for tables; nil where it learns nothing, or only
  /// from the batches as they go by.
  func label(of source: ForecastSource) -> String? {
    guard let choice = source.choice else { return nil }
    return choice.usesHeatmap ? heatmap.name : choice.usesMixture ? mixtureLabel : nil
  }

  /// The same of a strategy that predicts.
  var heatmapLabel: String { heatmap.name }
}
