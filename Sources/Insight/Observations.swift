import RoutingTrace

/// The figures of a trace, layer by layer.
public struct Observations: Sendable {
  /// The figures of one MoE layer.
  public struct Layer: Sendable {
    /// The model's own number of the layer.
    public var modelLayer: Int
    /// What could be measured; measures that compare stages or tasks stand under ``Scope/all``.
    public var figures: [Scope: [Measure: Double]]
    /// The most used experts, ten at most, and their shares of the layer's choices.
    public var topExperts: [(expert: Int, share: Double)]
    /// The pairs most often chosen together, ten at most, over the mean of all pairs.
    public var topPairs: [(experts: (Int, Int), overMean: Double)]
  }

  /// A measure over all layers that have it.
  public struct Summary: Hashable, Sendable {
    /// The mean of the layers.
    public var mean: Double
    /// The least value and its model layer, the first of equals.
    public var least: Extreme
    /// The greatest value and its model layer, the first of equals.
    public var most: Extreme
  }

  /// A value and where it is.
  public struct Extreme: Hashable, Sendable, Encodable {
    public var value: Double
    /// The model layer.
    public var layer: Int
  }

  public let shape: TraceShape
  /// Requests that began.
  public let requests: Int
  /// Tokens by stage.
  public let tokens: [Scope: Int]
  /// Tokens by task, for those that have one.
  public let tasks: [String: Int]
  public let layers: [Layer]

  /// A measure over the layers, or nil where none has it.
  public func summary(_ measure: Measure, in scope: Scope) -> Summary? {
    let values = layers.compactMap { layer in
      layer.figures[scope]?[measure].map { Extreme(value: $0, layer: layer.modelLayer) }
    }
    guard var least = values.first, var most = values.first else { return nil }
    for value in values.dropFirst() {
      if value.value < least.value { least = value }
      if value.value > most.value { most = value }
    }
    return Summary(
      mean: values.reduce(0) { $0 + $1.value } / Double(values.count), least: least, most: most)
  }
}
