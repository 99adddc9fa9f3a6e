/// Which nodes hold each expert of every layer from the start: the homes, and copies beside them.
///
/// Made by a rule, by hand, or from whatever a program has computed or read:
///
/// ```swift
/// var simulation = Simulation(
///   hardware: hardware, model: model, batch: 64, steps: 2, strategy: .expertParallel)
/// simulation.placement = ExpertPlacement(layers: [Holders([[1], [0, 1]])])
/// let result = try simulation.run(pool, transitions: nil)
/// ```
public struct ExpertPlacement: Hashable, Sendable {
  /// The holders of every MoE layer's experts.
  public let layers: [Holders]

  /// The holders of every MoE layer's experts.
  public init(layers: [Holders]) { self.layers = layers }

  /// Homes by a rule, the same in every layer, and no copies.
  ///
  /// - Parameter rooms: Experts of a layer that every memory holds; nil where the nearest holds all.
  public init(
    _ rule: HomePlacement, layers: Int, experts: Int, on fabric: Fabric, rooms: [Int]? = nil
  ) {
    let holders = Holders(homes: rule.homes(experts: experts, on: fabric, rooms: rooms))
    self.layers = Array(repeating: holders, count: layers)
  }

  /// What keeps it from being simulated, in words for the user; nil for nothing.
  ///
  /// - Parameters:
  ///   - layers: MoE layers simulated; it may have more.
  ///   - experts: Experts of a layer.
  package func problem(layers: Int, experts: Int, on fabric: Fabric) -> String? {
    guard self.layers.count >= layers else {
      return "the placement covers \(self.layers.count) of \(layers) simulated layers; place the"
        + " experts of every layer"
    }
    for (layer, holders) in self.layers.enumerated() {
      guard holders.experts == experts else {
        return "the placement of layer \(layer) covers \(holders.experts) of \(experts) experts;"
          + " place every expert of the model"
      }
      for expert in 0..<experts {
        let nodes = holders[expert]
        let place = "the placement of layer \(layer), expert \(expert)"
        if nodes.isEmpty { return "\(place) names no node; give it a home" }
        if let node = nodes.first(where: { !(0..<fabric.nodes).contains($0) }) {
          return "\(place) names node \(node), but \(fabric.hardware.name) has nodes 0 to"
            + " \(fabric.nodes - 1)"
        }
        if Set(nodes).count < nodes.count {
          return "\(place) names a node twice; name each holder once"
        }
      }
    }
    return nil
  }

  /// Bytes of every die's HBM that the experts placed and the system leave; below 0 where they do
  /// not fit.
  ///
  /// - Parameters:
  ///   - modelLayers: MoE layers of the model; where the placement has fewer, they stand for all.
  ///   - capacityScale: Usable HBM is multiplied with this.
  package func spareBytes(
    modelLayers: Int, expert: ExpertCost, capacityScale: Double = 1, on fabric: Fabric
  ) -> [Double] {
    var placed = Array(repeating: 0, count: fabric.nodes)
    for holders in layers {
      for expert in 0..<holders.experts {
        for node in holders[expert] { placed[node] += 1 }
      }
    }
    return (0..<fabric.dies).map { die in
      let perLayer = Double(placed[die]) / Double(max(1, layers.count))
      let bytes = perLayer * expert.weightBytes * Double(modelLayers)
      return fabric.hardware.usableHBM * capacityScale - bytes
    }
  }

  /// Whole experts that fit beside those placed into each die's HBM, shared evenly by all layers;
  /// parameters as of ``spareBytes(modelLayers:expert:capacityScale:on:)``.
  package func spareSlotsPerLayer(
    modelLayers: Int, expert: ExpertCost, capacityScale: Double, on fabric: Fabric
  ) -> [Int] {
    spareBytes(
      modelLayers: modelLayers, expert: expert, capacityScale: capacityScale, on: fabric
    ).map { max(0, $0).wholeParts(of: expert.weightBytes) / modelLayers }
  }
}
