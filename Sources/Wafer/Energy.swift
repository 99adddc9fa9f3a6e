/// Joules that a layer takes, by what they are spent on.
public struct LayerEnergy: Hashable, Sendable {
  /// Operations of experts.
  public let compute: Double
  /// Bits read from and written to dies' HBM and the memories behind them.
  public let memory: Double
  /// Bits over links, each link of a way counted.
  public let links: Double

  /// All of it.
  public var total: Double { compute + memory + links }
}

extension Fabric {
  /// What a layer's work takes: operations and bits moved, as busy times have them, times the
  /// system's picojoules. Idle dies and links take nothing.
  public func energy(of busy: BusySeconds) -> LayerEnergy {
    let bits = 8 * 1e-12
    let flops = busy.compute.reduce(0, +) * hardware.computeFlops * hardware.computeEfficiency
    let memory = zip(busy.memory, memoryBandwidth).enumerated().reduce(0.0) { sum, node in
      sum + node.element.0 * node.element.1
        * (tier(of: node.offset)?.picojoules ?? hardware.hbmPicojoules)
    }
    let links = busy.link.indices.reduce(0.0) { sum, link in
      sum + busy.link[link] * linkBandwidth[link] * picojoules(of: linkEnds[link])
    }
    return LayerEnergy(
      compute: flops * hardware.computePicojoules * 1e-12, memory: memory * bits,
      links: links * bits)
  }

  private func picojoules(of link: LinkEnds) -> Double {
    if link.isScaleOut { return hardware.scaleOutPicojoules }
    let tier = tier(of: max(link.from ?? 0, link.to ?? 0))
    return tier?.linkPicojoules ?? hardware.linkPicojoules
  }
}
