/// How sure a forecast is.
public enum ForecastCertainty: Sendable {
  /// It expects nothing at all.
  case nothing
  /// It may be right or wrong.
  case estimate
  /// It knows what comes.
  case perfect
}

/// Forecasts how many requests every expert will get, from what the batch has chosen so far.
///
/// Tokens are known by their batch slot; a slot's next token follows it in the next step. Whoever
/// runs a schedule calls `observe` for every layer of every step in order, and asks in between:
///
/// ```swift
/// forecast.observe(step: step, layer: layer, chosen: pool.chosen(by: tokens, layer: layer))
/// let load = forecast.nextStep(layer: layer)
/// let ahead = forecast.laterLayer(layer + 1, observed: layer)
/// ```
///
/// A forecast of one's own conforms with `name`, `observe`, `nextStep` and `laterLayer`.
public protocol DemandForecast {
  /// A name for tables.
  var name: String { get }

  /// How sure it is; an estimate unless it says otherwise.
  var certainty: ForecastCertainty { get }

  /// Takes in the experts that every slot chose, `slots * topK` ids, empty slots among them.
  mutating func observe(step: Int, layer: Int, chosen: [UInt16])

  /// Expected requests of every expert at `layer` of the next step; asked right after that layer of
  /// this step was observed.
  func nextStep(layer: Int) -> [Double]

  /// Expected requests of every expert at `layer` of this step; asked when `observed`, an earlier
  /// layer, was the last one observed.
  func laterLayer(_ layer: Int, observed: Int) -> [Double]

  /// `nextStep` with every expert's need. Where only loads are forecast, every token is taken to
  /// have the same chances.
  ///
  /// - Parameter slots: The slots that each distinct token of the next step fills.
  func nextStepDemand(layer: Int, slots: [Int]) -> ExpertDemand

  /// `laterLayer` with every expert's need.
  ///
  /// - Parameter slots: The slots that each distinct token of this step fills.
  func laterLayerDemand(_ layer: Int, observed: Int, slots: [Int]) -> ExpertDemand
}

extension DemandForecast {
  /// An estimate.
  public var certainty: ForecastCertainty { .estimate }

  /// Every token with the same chances of its share of the load.
  public func nextStepDemand(layer: Int, slots: [Int]) -> ExpertDemand {
    ExpertDemand(load: nextStep(layer: layer), tokens: slots)
  }

  /// Every token with the same chances of its share of the load.
  public func laterLayerDemand(_ layer: Int, observed: Int, slots: [Int]) -> ExpertDemand {
    ExpertDemand(load: laterLayer(layer, observed: observed), tokens: slots)
  }
}
