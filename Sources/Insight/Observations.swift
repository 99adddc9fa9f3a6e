import RoutingTrace

/// The figures of a trace, layer by layer, that a ``TraceAnalysis`` comes to.
///
/// ```swift
/// let figures = analysis.observations(workers: 2)
/// if let top = figures.summary(.nextLayerTop, in: .all) {
///   print(top.mean, top.most.value, "in model layer", top.most.layer)
/// }
/// ```
public struct Observations: Sendable {
  /// The figures of one MoE layer.
  public struct Layer: Sendable, Encodable {
    /// The model's own number of the layer.
    public var layer: Int
    /// What could be measured; measures that compare stages or tasks stand under ``Scope/all``.
    public var figures: [Scope: [Measure: Double]]
    /// The most used experts, ten at most.
    public var topExperts: [TopExpert]
    /// The pairs most often chosen together, ten at most.
    public var topPairs: [TopPair]

    enum CodingKeys: String, CodingKey {
      case layer, figures
      case topExperts = "top_experts"
      case topPairs = "top_pairs"
    }
  }

  /// An expert and its share of its layer's choices.
  public struct TopExpert: Hashable, Sendable, Encodable {
    /// The expert's id.
    public var expert: Int
    /// Its share of the layer's choices, 0 to 1.
    public var share: Double
  }

  /// Two experts, the lower first, and how often they were chosen together over the mean of all
  /// pairs.
  public struct TopPair: Hashable, Sendable, Encodable {
    /// The two experts' ids, the lower first.
    public var experts: [Int]
    /// How many times the mean of all pairs.
    public var overMean: Double

    enum CodingKeys: String, CodingKey {
      case experts
      case overMean = "over_mean"
    }
  }

  /// A measure over all layers that have it.
  public struct Summary: Hashable, Sendable, Encodable {
    /// The mean of the layers.
    public var mean: Double
    /// The least value and its layer, the first of equals.
    public var least: Extreme
    /// The greatest value and its layer, the first of equals.
    public var most: Extreme
  }

  /// A value and the model layer where it is.
  public struct Extreme: Hashable, Sendable, Encodable {
    /// The value, in the measure's unit.
    public var value: Double
    /// The model's own number of the layer.
    public var layer: Int
  }

  /// The shape of the trace.
  public let shape: TraceShape
  /// Requests that began.
  public let requests: Int
  /// Tokens by stage.
  public let tokens: [Scope: Int]
  /// Tokens by task, for those that have one.
  public let tasks: [String: Int]
  /// The figures of every MoE layer, in order.
  public let layers: [Layer]

  /// A measure's mean and extremes over the layers, or nil where no layer has it.
  ///
  /// - Complexity: O(`layers`).
  public func summary(_ measure: Measure, in scope: Scope) -> Summary? {
    let values = layers.compactMap { layer in
      layer.figures[scope]?[measure].map { Extreme(value: $0, layer: layer.layer) }
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
