import RoutingTrace

/// Which events of a stream are forecast; the others are followed only.
///
/// ```swift
/// pass.selection = ForecastSelection(stages: [.decode], layers: [3, 7], every: 10)
/// ```
public struct ForecastSelection: Hashable, Sendable {
  /// Stages of the tokens that are forecast.
  public var stages: Set<Stage>
  /// Ordinals of the layers that are forecast; nil for all.
  public var layers: Set<Int>?
  /// Every so many tokens of a request, or steps of a batch, are forecast, from the first on.
  public var every: Int

  /// Everything, unless told otherwise.
  public init(
    stages: Set<Stage> = Set(Stage.allCases), layers: Set<Int>? = nil, every: Int = 1
  ) {
    self.stages = stages
    self.layers = layers
    self.every = every
  }

  /// Whether a layer is forecast of the token, or step, at a place.
  public func asks(forLayer layer: Int, at place: Int) -> Bool {
    place % every == 0 && layers?.contains(layer) ?? true
  }
}
