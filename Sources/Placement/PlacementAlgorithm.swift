/// A rule that says where experts lie.
public protocol PlacementAlgorithm: Sendable {
  /// Places the experts of every layer.
  ///
  /// - Returns: By layer: the expert of every slot; each expert in one slot at least.
  /// - Throws: ``PlacementError`` where the evidence or the layout is none that it can work from.
  func slots(
    for evidence: PlacementEvidence, on layout: DeviceLayout
  ) throws(PlacementError) -> [[Int]]
}

extension PlacementAlgorithm {
  /// Places the experts of every layer, and checks what came out.
  ///
  /// - Throws: ``PlacementError`` where it cannot.
  public func place(
    _ evidence: PlacementEvidence, on layout: DeviceLayout
  ) throws(PlacementError) -> SlotMap {
    try SlotMap(
      layout: layout, experts: evidence.experts, slots: try slots(for: evidence, on: layout))
  }
}
