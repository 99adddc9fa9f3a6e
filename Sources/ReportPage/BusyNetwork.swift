import Chart
import Wafer

/// How busy a system was, as a network to be drawn: dies in their places, each as busy as its memory or
/// its compute, whichever was more; memories behind them, or a switch, above.
public struct BusyNetwork {
  /// Dies, then memories behind them, then the switch if there is one.
  public let nodes: [NetworkMap.Node]
  /// Links between them, in the order of `Fabric/linkEnds`.
  public let links: [NetworkMap.Link]

  /// The network of a system.
  ///
  /// - Parameters:
  ///   - busy: seconds that its parts were busy, a layer.
  ///   - layerSeconds: what a layer took.
  public init(_ fabric: Fabric, _ busy: BusySeconds, layerSeconds: Double) {
    func share(_ seconds: Double) -> Double { layerSeconds > 0 ? seconds / layerSeconds : 0 }
    let hardware = fabric.hardware
    let isSwitched = [.switch, .twoLevel].contains(hardware.topology)
    let above = !fabric.tiers.isEmpty || isSwitched ? 1 : 0
    var nodes = (0..<fabric.dies).map { die in
      NetworkMap.Node(
        "die \(die)", column: die % hardware.columns, row: die / hardware.columns + above,
        share: share(max(busy.compute[die], busy.memory[die])))
    }
    let middle = (hardware.columns - 1) / 2
    for (place, tier) in fabric.tiers.enumerated() {
      let seconds = busy.memory[fabric.dies + place]
      nodes.append(.init(tier.name, column: middle + place, row: 0, share: share(seconds)))
    }
    let hub = nodes.count
    if isSwitched {
      nodes.append(.init("switch", column: middle + fabric.tiers.count, row: 0, share: 0))
    }
    self.nodes = nodes
    links = zip(fabric.linkEnds, busy.link).map { ends, seconds in
      .init(from: ends.from ?? hub, to: ends.to ?? hub, share: share(seconds))
    }
  }
}
