/// Experts that follow each other from layer to layer lie on one GPU: the fewest changes of GPU along
/// tokens' paths, as far as exchanges of two experts find it.
///
/// Every layer begins from balance by load, its GPUs named so that most tokens stay; then experts of a
/// layer change places as long as more tokens stay, first with the layer before it in view, then with
/// both neighbours, from the last layer to the first and back. No GPU gets more than the tolerance
/// above the mean load, or than the most loaded one at the beginning.
public struct Locality: PlacementAlgorithm {
  private let tolerance: Double

  /// The rule with this part of the mean load that a GPU may have above it, such as 0.1.
  public init(tolerance: Double = 0.1) { self.tolerance = tolerance }

  /// - Throws: ``PlacementError`` where the evidence has no successions, there are redundant slots, or
  ///   the tolerance is no number from 0 on.
  /// - Complexity: O(layers * E²) for each of up to 96 passes.
  public func slots(
    for evidence: PlacementEvidence, on layout: DeviceLayout
  ) throws(PlacementError) -> [[Int]] {
    try layout.refuseRedundant(evidence.experts, "locality")
    try PlacementError.check(tolerance: tolerance)
    let path = Path(evidence.experts, layout.gpus, try evidence.countedSuccessions())
    let starts = evidence.loads.map { BalancedStart($0, on: layout, tolerance: tolerance) }
    var gpuOf = starts.map(\.gpuOf)
    func search(_ layer: Int, _ cost: [Double]) -> [Int] {
      var search = SwapSearch(
        gpuOf[layer], gpus: layout.gpus, loads: evidence.loads[layer], limit: starts[layer].limit,
        cost: cost)
      return search.run()
    }
    for layer in gpuOf.indices.dropFirst() {
      gpuOf[layer] = path.renamed(gpuOf[layer], of: layer, after: gpuOf[layer - 1])
      gpuOf[layer] = search(layer, path.cost(of: layer, gpuOf, next: false))
    }
    for layer in Array(gpuOf.indices.reversed()) + Array(gpuOf.indices) {
      gpuOf[layer] = search(layer, path.cost(of: layer, gpuOf, next: true))
    }
    return gpuOf.map(layout.slots)
  }

  /// How tokens go from layer to layer.
  private struct Path {
    let experts: Int
    let gpus: Int
    let successions: [[Double]]

    init(_ experts: Int, _ gpus: Int, _ successions: [[Double]]) {
      (self.experts, self.gpus, self.successions) = (experts, gpus, successions)
    }

    /// `[E, G]`: the tokens, counted below 0, that stay on a GPU where an expert of `layer` lies there,
    /// coming from the layer before and, with `next`, going to the one behind.
    func cost(of layer: Int, _ gpuOf: [[Int]], next: Bool) -> [Double] {
      var cost = Array(repeating: 0.0, count: experts * gpus)
      if layer > 0 {
        for before in 0..<experts {
          let gpu = gpuOf[layer - 1][before]
          for expert in 0..<experts {
            cost[expert * gpus + gpu] -= successions[layer - 1][before * experts + expert]
          }
        }
      }
      if next, layer < successions.count {
        for expert in 0..<experts {
          for after in 0..<experts {
            let gpu = gpuOf[layer + 1][after]
            cost[expert * gpus + gpu] -= successions[layer][expert * experts + after]
          }
        }
      }
      return cost
    }

    /// The same packs under the names of the GPUs that most of their tokens come from: the largest
    /// common part first, then two change names as long as that helps.
    func renamed(_ gpuOf: [Int], of layer: Int, after before: [Int]) -> [Int] {
      let cost = cost(of: layer, [[Int]](repeating: before, count: layer), next: false)
      var common = Array(repeating: 0.0, count: gpus * gpus)
      for expert in 0..<experts {
        for gpu in 0..<gpus {
          common[gpuOf[expert] * gpus + gpu] -= cost[expert * gpus + gpu]
        }
      }
      var nameOf = Array(0..<gpus)
      var isNamed = Array(repeating: false, count: gpus)
      var isTaken = Array(repeating: false, count: gpus)
      for place in BalancedPacks.descending(common) {
        let (pack, gpu) = (place / gpus, place % gpus)
        guard !isNamed[pack], !isTaken[gpu] else { continue }
        (nameOf[pack], isNamed[pack], isTaken[gpu]) = (gpu, true, true)
      }
      var search = SwapSearch(
        nameOf, gpus: gpus, loads: Array(repeating: 1, count: gpus), limit: 1,
        cost: common.map { -$0 })
      let names = search.run()
      return gpuOf.map { names[$0] }
    }
  }
}
