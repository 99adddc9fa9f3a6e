import Demand

/// What a forecast expects once a layer's choices are known.
struct LayerExpectation: Sendable {
  /// Requests of every expert at the same layer of the next step.
  let nextStep: [Double]
  /// The same at later layers of this step, from 1 layer ahead.
  let laterLayers: [[Double]]

  /// Asks a forecast that has observed the layer.
  ///
  /// - Parameters:
  ///   - horizon: Layers ahead that are asked for.
  ///   - layers: Layers of a step.
  init(_ forecast: any DemandForecast, layer: Int, horizon: Int, layers: Int) {
    nextStep = forecast.nextStep(layer: layer)
    laterLayers = (layer + 1..<layers).prefix(horizon).map {
      forecast.laterLayer($0, observed: layer)
    }
  }

  /// Nothing is expected, as by the run without forecasts.
  static func nothing(experts: Int) -> LayerExpectation {
    LayerExpectation(NoForecast(experts: experts), layer: 0, horizon: 0, layers: 1)
  }
}
