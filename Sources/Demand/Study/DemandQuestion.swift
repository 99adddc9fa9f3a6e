/// Which forecast of a batch's demand, and how long before the demand it is made.
public struct DemandQuestion: Hashable, Sendable {
  /// The forecast that is asked.
  public let forecast: ForecastChoice
  /// MoE layers between what is known and what is forecast; 0 for the same layer of the next step.
  public let layersAhead: Int

  /// Asks `forecast` so many layers ahead; of the next step unless given.
  ///
  /// - Precondition: `layersAhead` is at least 0.
  public init(_ forecast: ForecastChoice, layersAhead: Int = 0) {
    precondition(layersAhead >= 0)
    self.forecast = forecast
    self.layersAhead = layersAhead
  }

  /// Everything there is to ask of a forecast: of those made from a mixture also 1, 2 and 4 layers ahead. The
  /// others know no more of a layer when its step has begun.
  public static func all(of forecast: ForecastChoice) -> [DemandQuestion] {
    (forecast.usesMixture ? [0, 1, 2, MixtureTables.longestHorizon] : [0]).map {
      DemandQuestion(forecast, layersAhead: $0)
    }
  }
}
