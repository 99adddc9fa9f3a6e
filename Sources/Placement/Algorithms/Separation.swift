/// Experts that tokens choose together lie on different GPUs (the paper's fifth insight), so that a
/// token's experts are computed side by side: the fewest tokens with two experts on one GPU, as far as
/// exchanges of two experts find it.
///
/// It begins from balance by load, and no GPU gets more than the tolerance above the mean, or than
/// the most loaded one there. Where tokens take one expert each, balance is all that it brings; where
/// experts lie apart, a token's activations go to more GPUs.
public struct Separation: PlacementAlgorithm {
  private let tolerance: Double

  /// The rule with this part of the mean load that a GPU may have above it, such as 0.1.
  public init(tolerance: Double = 0.1) { self.tolerance = tolerance }

  /// - Throws: ``PlacementError`` where the evidence has no pairs, there are redundant slots, or the
  ///   tolerance is no number from 0 on.
  /// - Complexity: O(layers * E²) for each of up to 32 passes.
  public func slots(
    for evidence: PlacementEvidence, on layout: DeviceLayout
  ) throws(PlacementError) -> [[Int]] {
    try layout.refuseRedundant(evidence.experts, "separation")
    try PlacementError.check(tolerance: tolerance)
    let pairs = try evidence.countedPairs()
    return evidence.loads.indices.map { layer in
      let loads = evidence.loads[layer]
      let start = BalancedStart(loads, on: layout, tolerance: tolerance)
      var search = SwapSearch(
        start.gpuOf, gpus: layout.gpus, loads: loads, limit: start.limit,
        cost: Array(repeating: 0, count: loads.count * layout.gpus), pairs: pairs[layer])
      return layout.slots(search.run())
    }
  }
}
