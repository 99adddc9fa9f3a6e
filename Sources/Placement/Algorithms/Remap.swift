/// The paper's placement without copies: experts in descending order of what they cost, each to the
/// GPU with the least cost so far among those with fewer than E / G experts.
///
/// The cost of an expert is its time on the roofline (``ExpertTime``), in which weights that are read
/// count beside requests.
public struct Remap: PlacementAlgorithm {
  private let time: ExpertTime

  /// The rule with this cost.
  public init(_ time: ExpertTime) { self.time = time }

  /// - Throws: ``PlacementError`` where there are redundant slots.
  /// - Complexity: O(layers * (E log E + E * G)).
  public func slots(
    for evidence: PlacementEvidence, on layout: DeviceLayout
  ) throws(PlacementError) -> [[Int]] {
    try layout.refuseRedundant(evidence.experts, "remap")
    return evidence.loads.map { loads in
      BalancedPacks.packs(
        loads.map { time.seconds(requests: $0) }, count: layout.gpus, size: layout.slotsPerGPU
      ).flatMap(\.self)
    }
  }
}
