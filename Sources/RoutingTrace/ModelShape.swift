/// The architecture of a mixture-of-experts model, as far as routing and weight movement need it:
/// importers take layers, experts and top-k from it, simulators the sizes of experts.
///
/// ```swift
/// let model = ModelShape.named("llama-4-maverick")!
/// print(model.moeLayers.count, model.experts, model.parametersPerExpert)
/// let shape = try model.traceShape()
/// ```
public struct ModelShape: Hashable, Sendable {
  /// Lower-case name used on the command line, such as `llama-4-maverick`.
  public let name: String
  /// All decoder layers, dense ones too.
  public let layers: Int
  /// Model layer numbers (0-based) of the layers that route.
  public let moeLayers: [Int]
  /// Routed experts in a MoE layer (E).
  public let experts: Int
  /// Experts beside the routed ones that every token takes.
  public let sharedExperts: Int
  /// Routed experts a token takes (K).
  public let topK: Int
  /// Width of the residual stream (h), in numbers.
  public let hidden: Int
  /// Inner width of one routed expert (i), in numbers; an expert is three matrices of
  /// `hidden * intermediate`.
  public let intermediate: Int

  /// A model of these dimensions, units as the properties say.
  public init(
    name: String, layers: Int, moeLayers: some Sequence<Int>, experts: Int, sharedExperts: Int,
    topK: Int, hidden: Int, intermediate: Int
  ) {
    self.name = name
    self.layers = layers
    self.moeLayers = Array(moeLayers)
    self.experts = experts
    self.sharedExperts = sharedExperts
    self.topK = topK
    self.hidden = hidden
    self.intermediate = intermediate
  }

  /// Parameters of one routed expert: `3 * hidden * intermediate`.
  public var parametersPerExpert: Int { 3 * hidden * intermediate }

  /// The shape of traces that cover every MoE layer of this model.
  ///
  /// - Throws: ``ShapeError`` where the model is beyond the bounds of traces.
  public func traceShape() throws(ShapeError) -> TraceShape {
    try TraceShape(model: name, modelLayers: moeLayers, experts: experts, topK: topK)
  }
}
