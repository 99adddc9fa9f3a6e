import RoutingTrace

/// The models whose shapes are known, for `import --list-shapes`.
var knownShapes: Report<ModelShape> {
  Report(
    [
      .text("name", "shape") { $0.name },
      .integer("layers", "layers") { $0.layers },
      .integer("moe_layers", "MoE") { $0.moeLayers.count },
      .integer("first_moe_layer", "first") { $0.moeLayers.first },
      .integer("experts", "experts") { $0.experts },
      .integer("top_k", "top-k") { $0.topK },
      .integer("shared_experts", "shared") { $0.sharedExperts },
      .integer("hidden", "hidden") { $0.hidden },
      .integer("intermediate", "inner") { $0.intermediate },
    ],
    ModelShape.known
      + ModelShape.sameShapes.keys.sorted().compactMap { ModelShape.named($0) })
}
