/// vLLM-Ascend's `expert_map_path`: the MoE layers in order, and of each every device's experts.
///
/// ```json
/// {"moe_layer_count": 1, "layer_list": [{"layer_id": 0, "device_count": 2, "device_list": [
///   {"device_id": 0, "device_expert": [0, 2]}, {"device_id": 1, "device_expert": [1, 2]}]}]}
/// ```
enum VLLMAscendJSON: PlacementFormat {
  static let name = "vllm-ascend"
  static let summary = "vLLM-Ascend's expert_map_path, every device's experts as JSON"
  static let suffix = ".json"

  private struct Content: Decodable {
    struct Layer: Decodable {
      struct Device: Decodable {
        let number: Int
        let experts: [Int]

        enum CodingKeys: String, CodingKey {
          case number = "device_id"
          case experts = "device_expert"
        }
      }

      let number: Int
      let count: Int?
      let devices: [Device]

      enum CodingKeys: String, CodingKey {
        case number = "layer_id"
        case count = "device_count"
        case devices = "device_list"
      }
    }

    let count: Int?
    let layers: [Layer]

    enum CodingKeys: String, CodingKey {
      case count = "moe_layer_count"
      case layers = "layer_list"
    }
  }

  static func bytes(of placement: PlacedModel) -> [UInt8] {
    let map = placement.map
    let layers = map.slots.indices.map { layer in
      let devices = (0..<map.layout.gpus).map { gpu in
        "   {\"device_id\": \(gpu), \"device_expert\": \(Array(map.experts(of: gpu, layer: layer)))}"
      }
      return "  {\"layer_id\": \(layer), \"device_count\": \(map.layout.gpus), \"device_list\": [\n"
        + devices.joined(separator: ",\n") + "\n  ]}"
    }
    return Array(
      ("{\"moe_layer_count\": \(layers.count), \"layer_list\": [\n"
        + layers.joined(separator: ",\n") + "\n]}\n").utf8)
  }

  static func file(_ input: PlacementInput) throws(PlacementError) -> PlacementFile? {
    guard input.isJSON, input.mentions("\"layer_list\"") else { return nil }
    let content: Content = try input.json(
      Content.self, remedy: "give vLLM-Ascend's layer_list of device_list and device_expert")
    let layers = content.layers.sorted { $0.number < $1.number }
    try check(
      layers.map(\.number), count: content.count ?? layers.count, "layer_id", "moe_layer_count",
      in: "it", input)
    var rows: [[[Int]]] = []
    for layer in layers {
      let devices = layer.devices.sorted { $0.number < $1.number }
      try check(
        devices.map(\.number), count: layer.count ?? devices.count, "device_id", "device_count",
        in: "layer_id \(layer.number)", input)
      rows.append(devices.map(\.experts))
    }
    return PlacementFile(.devices(rows, layers: .inOrder), from: input.source)
  }

  /// - Throws: ``PlacementError`` where sorted numbers are not those from 0 to a count.
  private static func check(
    _ numbers: [Int], count: Int, _ key: String, _ counted: String, in place: String,
    _ input: PlacementInput
  ) throws(PlacementError) {
    for (ordinal, number) in numbers.enumerated() where number != ordinal {
      throw input.error(
        "\(place) has the \(key) \(number) where \(ordinal) comes next",
        remedy: "number them from 0, each once")
    }
    guard numbers.count == count else {
      throw input.error(
        "\(place) has \(numbers.count) of \(count), its \(counted)", remedy: "give all of them")
    }
  }
}
