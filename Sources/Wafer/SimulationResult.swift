/// One layer of one step.
public struct SimulationRow: Hashable, Sendable {
  /// Step of the schedule, counted from 0, those that warm up included.
  public let step: Int
  /// MoE layer, counted from 0.
  public let layer: Int
  /// What it took.
  public let result: LayerResult

  package init(step: Int, layer: Int, result: LayerResult) {
    self.step = step
    self.layer = layer
    self.result = result
  }
}

/// What a configuration yielded.
public struct SimulationResult: Hashable, Sendable {
  /// The counted layers, step by step.
  public let rows: [SimulationRow]
  /// Tokens served in the counted steps.
  public let tokens: Int
  /// MoE layers simulated.
  public let layers: Int
  /// MoE layers of the model.
  public let modelLayers: Int
  /// Seconds that pass after every layer before the next one begins.
  public let gapSeconds: Double

  package init(
    rows: [SimulationRow], tokens: Int, layers: Int, modelLayers: Int, gapSeconds: Double = 0
  ) {
    self.rows = rows
    self.tokens = tokens
    self.layers = layers
    self.modelLayers = modelLayers
    self.gapSeconds = gapSeconds
  }

  /// Mean seconds a layer.
  public var meanLayerSeconds: Double { mean(\.seconds) }

  /// Tokens a second through the model's MoE layers and the gaps between them, where fewer were
  /// simulated scaled to all.
  public var tokensPerSecond: Double {
    let seconds =
      rows.reduce(0) { $0 + $1.result.seconds } + Double(rows.count) * gapSeconds
    return seconds > 0 ? Double(tokens) / (seconds / Double(layers) * Double(modelLayers)) : 0
  }

  /// A count's mean over layers.
  public func mean(_ count: KeyPath<LayerResult, Int>) -> Double {
    rows.isEmpty
      ? 0 : Double(rows.reduce(0) { $0 + $1.result[keyPath: count] }) / Double(rows.count)
  }

  /// A time's mean over layers.
  public func mean(_ seconds: KeyPath<LayerResult, Double>) -> Double {
    rows.isEmpty ? 0 : rows.reduce(0) { $0 + $1.result[keyPath: seconds] } / Double(rows.count)
  }
}
