/// Experts dealt to the GPUs in turn: neighbours in number lie on neighbouring GPUs; redundant slots
/// go on with the first experts again.
public struct RoundRobin: PlacementAlgorithm {
  /// The rule.
  public init() {}

  /// The i-th slot of GPU g holds expert (i G + g) mod E.
  public func slots(
    for evidence: PlacementEvidence, on layout: DeviceLayout
  ) throws(PlacementError) -> [[Int]] {
    let row = (0..<layout.gpus).flatMap { gpu in
      (0..<layout.slotsPerGPU).map { ($0 * layout.gpus + gpu) % evidence.experts }
    }
    return Array(repeating: row, count: evidence.layers)
  }
}
