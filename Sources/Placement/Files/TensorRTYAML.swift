/// TensorRT-LLM's `load_balancer` file: YAML with the slots of every MoE layer, by the model's own
/// layer numbers; keys that it does not know are refused.
enum TensorRTYAML: PlacementFormat {
  static let name = "tensorrt-llm"
  static let summary = "TensorRT-LLM's load_balancer, the map of slots as YAML"
  static let suffix = ".yaml"
  private static let layersKey = "initial_global_assignments"
  private static let slotsKey = "num_slots"
  private static let updatesKey = "layer_updates_per_iter"

  static func bytes(of placement: PlacedModel) -> [UInt8] {
    let layers = zip(placement.moeLayers, placement.map.slots).map { "  \($0): \($1)\n" }
    return Array(
      ("\(layersKey):\n\(layers.joined())\(updatesKey): 0\n"
        + "\(slotsKey): \(placement.map.layout.slots)\n").utf8)
  }

  static func file(_ input: PlacementInput) throws(PlacementError) -> PlacementFile? {
    guard !input.isArchive, !input.isJSON, input.mentions(layersKey) else { return nil }
    var text = IntegerYAML(input)
    var (slots, layers): (Int?, [Int: [Int]]) = (nil, [:])
    for (key, value, line) in try text.members() {
      switch (key, value) {
      case (slotsKey, .number(let number)): slots = number
      case (layersKey, .lists(let lists)): layers = lists
      case (updatesKey, .number(0)): break
      case (updatesKey, .number(let number)):
        throw input.error(
          "line \(line): the engine moves experts of \(number) layers in every iteration, so this is"
            + " not where they stay", remedy: "give a file with \(updatesKey): 0")
      case (slotsKey, _), (layersKey, _), (updatesKey, _):
        throw input.error(
          "line \(line): \(key) has another kind of value",
          remedy: "give numbers, and a list of experts for every layer")
      default:
        throw input.error(
          "line \(line): '\(key)' is not known",
          remedy: "keep \(slotsKey), \(layersKey) and \(updatesKey) alone")
      }
    }
    let numbers = layers.keys.sorted()
    let rows = numbers.compactMap { layers[$0] }
    guard let slots else {
      throw input.error("it has no \(slotsKey)", remedy: "give the slots of a layer")
    }
    for (number, row) in zip(numbers, rows) where row.count != slots {
      throw input.error(
        "layer \(number) has \(row.count) slots of \(slots), its \(slotsKey)",
        remedy: "give the expert of every slot")
    }
    return PlacementFile(.slots(rows, layers: .named(numbers)), from: input.source)
  }
}
