import Wafer

/// Which expert lies in every slot of every GPU, layer by layer: what engines call the map from
/// physical to logical experts.
public struct SlotMap: Hashable, Sendable {
  /// The GPUs and their slots.
  public let layout: DeviceLayout
  /// Experts of a layer (E).
  public let experts: Int
  /// By layer: the expert of every slot, those of GPU g at `g * slotsPerGPU..<(g + 1) * slotsPerGPU`.
  public let slots: [[Int]]

  /// A map by its slots.
  ///
  /// - Throws: ``PlacementError``, naming the layer by its place, where slots are too many or too
  ///   few, or an expert is missing or none of the layer's.
  /// - Complexity: O(layers * slots).
  public init(
    layout: DeviceLayout, experts: Int, slots: [[Int]]
  ) throws(PlacementError) {
    for (layer, row) in slots.enumerated() {
      guard row.count == layout.slots else {
        throw PlacementError(
          "layer \(layer) has \(row.count) slots where \(layout.gpus) GPUs have \(layout.slots)",
          remedy: "place an expert in each")
      }
      var isPlaced = Array(repeating: false, count: experts)
      for (slot, expert) in row.enumerated() {
        guard isPlaced.indices.contains(expert) else {
          throw PlacementError(
            "layer \(layer), slot \(slot): expert \(expert) is none of the \(experts)",
            remedy: "give a placement of this model")
        }
        isPlaced[expert] = true
      }
      if let lost = isPlaced.firstIndex(of: false) {
        throw PlacementError(
          "layer \(layer): expert \(lost) lies nowhere", remedy: "place every expert")
      }
    }
    (self.layout, self.experts, self.slots) = (layout, experts, slots)
  }

  /// The experts in the slots of one GPU.
  public func experts(of gpu: Int, layer: Int) -> ArraySlice<Int> {
    slots[layer][gpu * layout.slotsPerGPU..<(gpu + 1) * layout.slotsPerGPU]
  }

  /// The GPUs of every expert of a layer, that of its first slot first, as simulations take them: a
  /// GPU with an expert in two slots is named once.
  public func holders(layer: Int) -> Holders {
    var gpus: [[Int]] = Array(repeating: [], count: experts)
    for (slot, expert) in slots[layer].enumerated() {
      let gpu = slot / layout.slotsPerGPU
      if gpus[expert].last != gpu { gpus[expert].append(gpu) }
    }
    return Holders(gpus)
  }

  /// Slots of a layer that hold an expert which their GPU has in another slot too; ``EPLB`` leaves
  /// some, since its packs look at weights alone.
  public func wastedSlots(layer: Int) -> Int {
    let holders = holders(layer: layer)
    return layout.slots - (0..<experts).reduce(0) { $0 + holders[$1].count }
  }
}
