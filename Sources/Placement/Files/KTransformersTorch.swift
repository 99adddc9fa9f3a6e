import Archive

/// KTransformers' `--init-expert-location FILE.pt`, from which it keeps the most chosen experts on the
/// GPU: a dictionary saved by `torch.save` whose only key, `logical_count`, is a tensor `[step, layer,
/// expert]` of every layer of the model.
///
/// It holds loads and no slots: SGLang, and a simulation here, place by them with DeepSeek's balancer.
enum KTransformersTorch: PlacementFormat {
  static let name = "ktransformers"
  static let summary = "KTransformers' --init-expert-location, loads as a torch file"
  static let suffix = ".pt"
  private static let key = "logical_count"

  static func bytes(of placement: PlacedModel) throws(PlacementError) -> [UInt8] {
    guard let loads = placement.loads else {
      throw PlacementError(
        "\(name) holds the loads of experts, which are not known",
        remedy: "place from a trace, a load profile or a model")
    }
    let experts = placement.map.experts
    var counts = Array(repeating: Int64(0), count: placement.layers * experts)
    for (row, layer) in zip(loads, placement.moeLayers) {
      for (expert, load) in row.enumerated() {
        guard let count = Int64(exactly: load.rounded()) else {
          throw PlacementError(
            "layer \(layer), expert \(expert): a load of \(load) is too large for \(name)",
            remedy: "give smaller loads")
        }
        counts[layer * experts + expert] = count
      }
    }
    return try TorchWriter.placement(key, counts, shape: [1, placement.layers, experts])
  }

  static func file(_ input: PlacementInput) throws(PlacementError) -> PlacementFile? {
    guard input.isArchive, let (shape, values) = try input.tensor(key) else { return nil }
    guard (2...3).contains(shape.count), shape.allSatisfy({ $0 > 0 }) else {
      throw input.error(
        "its \(key) has the shape \(shape) instead of [steps, layers, experts]",
        remedy: "save how often every expert of every layer was chosen")
    }
    let (experts, size) = (shape[shape.count - 1], shape[shape.count - 2] * shape[shape.count - 1])
    var sums = Array(repeating: 0.0, count: size)
    for (place, value) in values.enumerated() {
      guard value >= 0 else {
        throw input.error(
          "its \(key) has a count of \(value)", remedy: "save how often experts were chosen")
      }
      sums[place % size] += Double(value)
    }
    let rows = stride(from: 0, to: size, by: experts).map { Array(sums[$0..<$0 + experts]) }
    return PlacementFile(.counts(rows), from: input.source)
  }
}
