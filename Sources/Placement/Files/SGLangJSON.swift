/// SGLang's `--init-expert-location FILE.json`: `{"physical_to_logical_map": [[expert, ...], ...]}`
/// for every layer of the model, dense ones too; or `{"logical_count": ...}`, `[layers][experts]` or
/// with steps around, from which SGLang places by itself.
enum SGLangJSON: PlacementFormat {
  static let name = "sglang-json"
  static let summary = "SGLang's --init-expert-location, the map of slots as JSON"
  static let suffix = ".json"

  private struct Content: Decodable {
    enum CodingKeys: String, CodingKey {
      case slots = "physical_to_logical_map"
      case counts = "logical_count"
    }

    let slots: [[Int]]?
    let counts: Counts?
  }

  /// `[layer][expert]`, with or without steps around.
  private struct Counts: Decodable {
    let layers: [[Double]]

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let layers = try? container.decode([[Double]].self) {
        self.layers = layers
      } else {
        layers = Self.sums(try container.decode([[[Double]]].self))
      }
    }

    static func sums(_ steps: [[[Double]]]) -> [[Double]] {
      guard let first = steps.first else { return [] }
      return steps.dropFirst().reduce(into: first) { sums, step in
        for (layer, row) in step.enumerated() where layer < sums.count {
          for (expert, count) in row.enumerated() where expert < sums[layer].count {
            sums[layer][expert] += count
          }
        }
      }
    }
  }

  static func bytes(of placement: PlacedModel) -> [UInt8] {
    let rows = placement.slotsOfAllLayers.map { "\($0)" }
    return Array(
      "{\"physical_to_logical_map\": [\n\(rows.joined(separator: ",\n"))\n]}\n".utf8)
  }

  static func file(_ input: PlacementInput) throws(PlacementError) -> PlacementFile? {
    guard input.isJSON,
      input.mentions("\"physical_to_logical_map\"") || input.mentions("\"logical_count\"")
    else { return nil }
    let content: Content = try input.json(
      Content.self,
      remedy: "give {\"physical_to_logical_map\": [[expert, ...], ...]}, or its logical_count")
    if let slots = content.slots {
      return PlacementFile(.slots(slots, layers: .inOrder), from: input.source)
    }
    if let counts = content.counts {
      return PlacementFile(.counts(counts.layers), from: input.source)
    }
    return nil
  }
}
