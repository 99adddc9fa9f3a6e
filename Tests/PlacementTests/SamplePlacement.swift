import Placement

extension PlacedModel {
  /// Layers 1 and 3 of five, four experts in six slots of two GPUs.
  static func sample() throws -> PlacedModel {
    let layout = try DeviceLayout(experts: 4, gpus: 2, redundant: 2)
    let map = try SlotMap(
      layout: layout, experts: 4, slots: [[3, 1, 0, 2, 3, 1], [0, 1, 2, 0, 3, 0]])
    return try PlacedModel(
      map, moeLayers: [1, 3], layers: 5, loads: [[5, 7, 1, 9], [1.4, 2.6, 0, 4]])
  }
}
