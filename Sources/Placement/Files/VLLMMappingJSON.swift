/// vLLM's `eplb_initial_mapping`: a line of JSON with the slots of every MoE layer, the layers
/// counted from 0.
///
/// Lines of other records, such as the loads of `eplb_load_stats`, may stand beside it.
enum VLLMMappingJSON: PlacementFormat {
  static let name = "vllm"
  static let summary = "vLLM's eplb_initial_mapping, the map of slots as a line of JSON"
  static let suffix = ".jsonl"
  private static let record = "eplb_initial_mapping"

  private struct Content: Decodable {
    let record: String
    let version: Int
    let redundant: Int
    let slots: Int
    let layers: [String: [Int]]

    enum CodingKeys: String, CodingKey {
      case version
      case record = "record_type"
      case redundant = "num_redundant_experts"
      case slots = "num_slots"
      case layers = "initial_global_assignments"
    }
  }

  static func bytes(of placement: PlacedModel) -> [UInt8] {
    let map = placement.map
    let layers = map.slots.enumerated().map { "\"\($0)\": \($1)" }
    return Array(
      ("{\"record_type\": \"\(record)\", \"version\": 1, \"num_redundant_experts\": "
        + "\(map.layout.slots - map.experts), \"num_slots\": \(map.layout.slots), "
        + "\"initial_global_assignments\": {\(layers.joined(separator: ", "))}}\n").utf8)
  }

  static func file(_ input: PlacementInput) throws(PlacementError) -> PlacementFile? {
    guard input.isJSON, input.mentions("\"\(record)\"") else { return nil }
    let newline = UInt8(ascii: "\n")
    var lines = input.bytes.split(separator: newline).map { Array($0) }
      .filter { PlacementInput($0, from: input.source).mentions("\"\(record)\"") }
    if lines.count > 1 {
      throw input.error(
        "it holds \(lines.count) records of \(record)", remedy: "keep the one that is meant")
    }
    // A record written over several lines.
    if input.bytes.first == UInt8(ascii: "{"), !lines[0].starts(with: [UInt8(ascii: "{")]) {
      lines = [input.bytes]
    }
    let content: Content = try input.json(
      Content.self, of: lines[0],
      remedy: "give \(record) with num_redundant_experts, num_slots and initial_global_assignments")
    guard content.version == 1 else {
      throw input.error(
        "its version is \(content.version)", remedy: "give version 1 of \(record)")
    }
    var rows: [[Int]] = []
    for layer in 0..<content.layers.count {
      guard let row = content.layers["\(layer)"] else {
        throw input.error(
          "its \(content.layers.count) layers lack \(layer)",
          remedy: "number the MoE layers from 0")
      }
      guard row.count == content.slots else {
        throw input.error(
          "its layer \(layer) has \(row.count) slots of \(content.slots), its num_slots",
          remedy: "give the expert of every slot")
      }
      let experts = Set(row).count
      guard experts + content.redundant == content.slots else {
        throw input.error(
          "its layer \(layer) has \(experts) experts in \(content.slots) slots, and"
            + " num_redundant_experts is \(content.redundant)", remedy: "place every expert")
      }
      rows.append(row)
    }
    return PlacementFile(.slots(rows, layers: .inOrder), from: input.source)
  }
}
