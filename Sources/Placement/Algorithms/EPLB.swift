/// DeepSeek's expert-parallel load balancer: copies for the most loaded experts, then packs of
/// equal weight; nodes first where groups of experts can be shared by them.
///
/// The same slots as `rebalance_experts` of github.com/deepseek-ai/EPLB on a CPU: in 32-bit numbers
/// as there, and equal loads in the order in which PyTorch sorts them (``Introsort``). The loads of a
/// group are added one by one, where PyTorch adds them in the lanes of its processor: whole numbers
/// up to 16,777,216 are the same either way.
public struct EPLB: PlacementAlgorithm {
  /// Groups of experts of which a token's choice takes a few (DeepSeek-V3: 8); 1 where there are
  /// none. Where nodes do not share them evenly, they and the nodes are disregarded.
  public let groups: Int

  /// The balancer of a model with so many groups.
  public init(groups: Int = 1) { self.groups = groups }

  /// - Throws: ``PlacementError`` where groups do not share the experts evenly, or loads add up to
  ///   more than 32-bit numbers hold.
  /// - Complexity: O(layers * (P log P + P * G + redundant * E)).
  public func slots(
    for evidence: PlacementEvidence, on layout: DeviceLayout
  ) throws(PlacementError) -> [[Int]] {
    guard groups > 0, evidence.experts % groups == 0 else {
      throw PlacementError(
        "\(groups) groups do not share \(evidence.experts) experts evenly",
        remedy: "give the groups of the model's router")
    }
    guard evidence.loads.allSatisfy({ Float($0.reduce(0, +)) < .infinity }) else {
      throw PlacementError(
        "a layer's loads add up to more than a 32-bit number holds", remedy: "give smaller loads")
    }
    let isHierarchical = groups % layout.nodes == 0
    return evidence.loads.map { loads in
      rebalance(
        loads.map { Float($0) }, groups: isHierarchical ? groups : 1,
        nodes: isHierarchical ? layout.nodes : 1, layout)
    }
  }

  /// One layer: groups onto nodes, copies in each node, slots onto its GPUs.
  private func rebalance(
    _ weight: [Float], groups: Int, nodes: Int, _ layout: DeviceLayout
  ) -> [Int] {
    let size = weight.count / groups
    let sums = (0..<groups).map { weight[$0 * size..<($0 + 1) * size].reduce(0, +) }
    var slots: [Int] = []
    for groups in Self.packs(sums, count: nodes) {
      let experts = groups.flatMap { $0 * size..<($0 + 1) * size }
      let own = experts.map { weight[$0] }
      let (held, counts) = replicate(own, slots: layout.slots / nodes)
      let shares = held.map { own[$0] / Float(counts[$0]) }
      for pack in Self.packs(shares, count: layout.gpus / nodes) {
        slots += pack.map { experts[held[$0]] }
      }
    }
    return slots
  }

  /// Every expert once, then one more of the most loaded, a copy counted, until the slots are full.
  private func replicate(_ weight: [Float], slots: Int) -> (held: [Int], counts: [Int]) {
    var counts = Array(repeating: 1, count: weight.count)
    var shares = weight
    var held = Array(weight.indices)
    while held.count < slots {
      var most = 0
      for expert in shares.indices where shares[expert] > shares[most] { most = expert }
      counts[most] += 1
      shares[most] = weight[most] / Float(counts[most])
      held.append(most)
    }
    return (held, counts)
  }

  /// Items in packs of as many each: in descending order of weight, to the lightest pack that is not
  /// full, the first of equal ones.
  private static func packs(_ weight: [Float], count: Int) -> [[Int]] {
    let size = weight.count / count
    guard size > 1 else { return weight.indices.map { [$0] } }
    var packs: [[Int]] = Array(repeating: [], count: count)
    var sums: [Float] = Array(repeating: 0, count: count)
    for item in Introsort.descending(weight) {
      var lightest = 0
      for pack in sums.indices where sums[pack] < sums[lightest] { lightest = pack }
      packs[lightest].append(item)
      // A full pack is the lightest no more.
      sums[lightest] = packs[lightest].count < size ? sums[lightest] + weight[item] : .infinity
    }
    return packs
  }
}
