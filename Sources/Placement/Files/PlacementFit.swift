/// Holds what a file says against a model and the devices that it is to lie on.
struct PlacementFit {
  let source: String
  let modelLayers: [Int]
  let experts: Int
  let devices: Int
  /// How many devices there are, and how to have as many as the file, for messages.
  let there: String
  let remedy: String

  /// By MoE layer of the model: the experts of every device, every expert on one at least.
  func devices(of content: PlacementContent) throws(PlacementError) -> [[[Int]]] {
    switch content {
    case .slots(let rows, let numbers):
      return try placed(rows, numbers) { (row, layer) throws(PlacementError) in
        try share(row, layer: layer)
      }
    case .devices(let rows, let numbers):
      return try placed(rows, numbers) { (row, layer) throws(PlacementError) in
        guard row.count == devices else {
          throw error(layer, "it places on \(row.count) devices, but \(there)", remedy)
        }
        return row
      }
    case .counts(let rows):
      return try placed(rows, .inOrder) { (row, layer) throws(PlacementError) in
        try balanced(row, layer: layer)
      }
    }
  }

  /// By expert: its devices, each once, that of its first slot first.
  func holders(_ devices: [[Int]]) -> [[Int]] {
    var holders: [[Int]] = Array(repeating: [], count: experts)
    for (device, own) in devices.enumerated() {
      for expert in own where holders[expert].last != device { holders[expert].append(device) }
    }
    return holders
  }

  private func placed<Row>(
    _ rows: [Row], _ numbers: PlacementContent.LayerNumbers,
    _ devices: (Row, Int) throws(PlacementError) -> [[Int]]
  ) throws(PlacementError) -> [[[Int]]] {
    var rowOf: [Int: Int] = [:]
    switch numbers {
    case .named(let names):
      for (row, name) in names.enumerated() { rowOf[name] = row }
      if let other = names.first(where: { !modelLayers.contains($0) }) {
        throw PlacementError(
          "\(source): it places layer \(other), which is no MoE layer of the model",
          remedy: "give a placement of this model")
      }
    case .inOrder:
      let isOfAll = rows.count > modelLayers.count
      for (ordinal, number) in modelLayers.enumerated() {
        rowOf[number] = isOfAll ? number : ordinal
      }
    }
    var layers: [[[Int]]] = []
    for number in modelLayers {
      guard let row = rowOf[number], rows.indices.contains(row) else {
        throw PlacementError(
          "\(source): it places \(rows.count) layers, none of them layer \(number)",
          remedy: "place every MoE layer of the model")
      }
      let own = try devices(rows[row], number)
      try check(own, layer: number)
      layers.append(own)
    }
    return layers
  }

  /// A row of slots, as many for every device.
  private func share(_ row: [Int], layer: Int) throws(PlacementError) -> [[Int]] {
    guard row.count % devices == 0 else {
      throw error(
        layer, "\(row.count) slots are not shared evenly, but \(there)",
        remedy + " as it was made for")
    }
    let each = row.count / devices
    return (0..<devices).map { Array(row[$0 * each..<($0 + 1) * each]) }
  }

  /// Counts, placed as SGLang does with them: by DeepSeek's balancer, no expert twice.
  private func balanced(_ row: [Double], layer: Int) throws(PlacementError) -> [[Int]] {
    guard row.count == experts else {
      throw error(
        layer, "it counts \(row.count) experts of the model's \(experts)",
        "give counts of this model")
    }
    guard experts % devices == 0 else {
      throw error(
        layer, "it holds counts, and \(experts) experts are not shared evenly, but \(there)",
        "place them with redundant slots and give that placement")
    }
    let layout = try DeviceLayout(experts: experts, gpus: devices)
    let slots = try EPLB().slots(for: try PlacementEvidence(loads: [row]), on: layout)
    return try share(slots[0], layer: layer)
  }

  private func check(_ devices: [[Int]], layer: Int) throws(PlacementError) {
    var isPlaced = Array(repeating: false, count: experts)
    for expert in devices.joined() {
      guard isPlaced.indices.contains(expert) else {
        throw error(
          layer, "expert \(expert) is none of the model's \(experts)",
          "give a placement of this model")
      }
      isPlaced[expert] = true
    }
    guard let lost = isPlaced.firstIndex(of: false) else { return }
    for (device, own) in devices.enumerated() {
      // A device may hold an expert in two slots where there are more slots than experts.
      var seen: Set<Int> = []
      if let twice = own.first(where: { !seen.insert($0).inserted }) {
        throw error(
          layer,
          "expert \(lost) lies nowhere, while device \(device) has expert \(twice) in two slots",
          "place every expert")
      }
    }
    throw error(layer, "expert \(lost) lies nowhere", "place every expert")
  }

  private func error(_ layer: Int, _ problem: String, _ remedy: String) -> PlacementError {
    PlacementError("\(source), layer \(layer): \(problem)", remedy: remedy)
  }
}
