/// An adversary, to see how bad a placement can be: the most loaded experts together on the first
/// GPU, the next on the second, and so on; copies of the least loaded where slots are left.
///
/// No placement with as many slots gives one GPU more to do, as long as the others have room for all
/// other experts.
public struct Worst: PlacementAlgorithm {
  /// The rule.
  public init() {}

  /// - Complexity: O(layers * (E log E + P * E / G)).
  public func slots(
    for evidence: PlacementEvidence, on layout: DeviceLayout
  ) throws(PlacementError) -> [[Int]] {
    evidence.loads.map { loads in
      let order = BalancedPacks.descending(loads)
      let size = layout.slotsPerGPU
      var slots = order
      // Copies of the lightest that their GPU lacks.
      while slots.count < layout.slots {
        let own = slots[(slots.count / size * size)...]
        slots.append(order.last { !own.contains($0) } ?? order[0])
      }
      return slots
    }
  }
}
