import Archive

/// SGLang's `--init-expert-location FILE.pt`: a dictionary saved by `torch.save` whose only key,
/// `physical_to_logical_map`, is a tensor `[layer, slot]` of every layer of the model.
enum SGLangTorch: PlacementFormat {
  static let name = "sglang-pt"
  static let summary = "SGLang's --init-expert-location, the map of slots as a torch file"
  static let suffix = ".pt"
  private static let key = "physical_to_logical_map"

  static func bytes(of placement: PlacedModel) throws(PlacementError) -> [UInt8] {
    let rows = placement.slotsOfAllLayers
    return try TorchWriter.placement(
      key, rows.joined().map { Int64($0) }, shape: [rows.count, placement.map.layout.slots])
  }

  static func file(_ input: PlacementInput) throws(PlacementError) -> PlacementFile? {
    guard input.isArchive, let (shape, values) = try input.tensor(key) else { return nil }
    guard shape.count == 2, shape[1] > 0 else {
      throw input.error(
        "its \(key) has the shape \(shape) instead of [layers, slots]",
        remedy: "save a slot's expert for every slot of every layer")
    }
    let rows = stride(from: 0, to: values.count, by: shape[1]).map {
      Array(values[$0..<$0 + shape[1]])
    }
    return PlacementFile(.slots(rows, layers: .inOrder), from: input.source)
  }
}

extension TorchWriter {
  /// A file with one tensor under one key.
  static func placement(
    _ key: String, _ values: [Int64], shape: [Int]
  ) throws(PlacementError) -> [UInt8] {
    do { return try file(.dictionary([(key, .int64(values, shape: shape))])) } catch {
      throw PlacementError("a torch file cannot be made: \(error)", remedy: "write JSON")
    }
  }
}
