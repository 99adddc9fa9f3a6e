/// Neighbours in number share a GPU, as engines place experts unless told; redundant slots hold the
/// first experts again, in turn.
public struct Contiguous: PlacementAlgorithm {
  /// The rule.
  public init() {}

  /// Slot p holds expert p mod E.
  public func slots(
    for evidence: PlacementEvidence, on layout: DeviceLayout
  ) throws(PlacementError) -> [[Int]] {
    let row = (0..<layout.slots).map { $0 % evidence.experts }
    return Array(repeating: row, count: evidence.layers)
  }
}
