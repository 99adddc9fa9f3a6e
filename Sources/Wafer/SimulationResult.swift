/// One layer of one step.
public struct SimulationRow: Hashable, Sendable {
  public let step: Int
  public let layer: Int
  public let result: LayerResult
}

/// What a configuration yielded.
public struct SimulationResult: Hashable, Sendable {
  public let rows: [SimulationRow]
  /// Tokens served in the counted steps.
  public let tokens: Int
  /// MoE layers simulated, and MoE layers of the model.
  public let layers: Int
  public let modelLayers: Int

  /// Mean seconds a layer.
  public var meanLayerSeconds: Double { mean(\.seconds) }

  /// Tokens a second through the model's MoE layers, where fewer were simulated scaled to all.
  public var tokensPerSecond: Double {
    let seconds = rows.reduce(0) { $0 + $1.result.seconds }
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
