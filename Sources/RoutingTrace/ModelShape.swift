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

  /// The known model called `name`, or nil; case and `_` for `-` do not matter.
  public static func named(_ name: String) -> ModelShape? {
    let wanted = String(name.lowercased().map { $0 == "_" ? "-" : $0 })
    return known.first { $0.name == wanted }
  }

  /// The models whose shapes are known (paper, table of model shapes; Qwen1.5-MoE from its
  /// published configuration; tiny-moe is this project's own).
  public static let known: [ModelShape] = [
    ModelShape(
      name: "deepseek-v3", layers: 61, moeLayers: 3..<61, experts: 256, sharedExperts: 1, topK: 8,
      hidden: 7168, intermediate: 2048),
    ModelShape(
      name: "deepseek-v2-lite", layers: 27, moeLayers: 1..<27, experts: 64, sharedExperts: 2,
      topK: 6, hidden: 2048, intermediate: 1408),
    ModelShape(
      name: "kimi-k2", layers: 61, moeLayers: 1..<61, experts: 384, sharedExperts: 1, topK: 8,
      hidden: 7168, intermediate: 2048),
    ModelShape(
      name: "qwen3-235b-a22b", layers: 94, moeLayers: 0..<94, experts: 128, sharedExperts: 0,
      topK: 8, hidden: 4096, intermediate: 1536),
    ModelShape(
      name: "qwen3-30b-a3b", layers: 48, moeLayers: 0..<48, experts: 128, sharedExperts: 0,
      topK: 8, hidden: 2048, intermediate: 768),
    ModelShape(
      name: "qwen1.5-moe-a2.7b", layers: 24, moeLayers: 0..<24, experts: 60, sharedExperts: 4,
      topK: 4, hidden: 2048, intermediate: 1408),
    ModelShape(
      name: "llama-4-maverick", layers: 48, moeLayers: stride(from: 1, to: 48, by: 2),
      experts: 128, sharedExperts: 1, topK: 1, hidden: 5120, intermediate: 8192),
    ModelShape(
      name: "llama-4-scout", layers: 48, moeLayers: 0..<48, experts: 16, sharedExperts: 1, topK: 1,
      hidden: 5120, intermediate: 8192),
    ModelShape(
      name: "mixtral-8x7b", layers: 32, moeLayers: 0..<32, experts: 8, sharedExperts: 0, topK: 2,
      hidden: 4096, intermediate: 14336),
    ModelShape(
      name: "olmoe-1b-7b", layers: 16, moeLayers: 0..<16, experts: 64, sharedExperts: 0, topK: 8,
      hidden: 2048, intermediate: 1024),
    ModelShape(
      name: "gpt-oss-120b", layers: 36, moeLayers: 0..<36, experts: 128, sharedExperts: 0, topK: 4,
      hidden: 2880, intermediate: 2880),
    ModelShape(
      name: "gpt-oss-20b", layers: 24, moeLayers: 0..<24, experts: 32, sharedExperts: 0, topK: 4,
      hidden: 2880, intermediate: 2880),
    ModelShape(
      name: "tiny-moe", layers: 12, moeLayers: 0..<12, experts: 64, sharedExperts: 1, topK: 8,
      hidden: 192, intermediate: 64),
  ]
}
