import RoutingTrace

/// The rules by which experts get their homes, where no ``ExpertPlacement`` says.
public enum HomePlacement: String, CaseIterable, Sendable {
  /// Expert e on die e * D / E: neighbours in number share a die.
  case contiguous
  /// Expert e on die e mod D.
  case roundRobin = "round-robin"

  /// The home node of every expert of a layer: on the dies where experts live there, else in the
  /// first memory behind them; those beyond its room in the next, in the order of their numbers.
  ///
  /// - Parameter rooms: Experts of a layer that every memory holds, the dies together as one; what
  ///   is left over goes to the last. Nil where the first holds them all.
  public func homes(experts: Int, on fabric: Fabric, rooms: [Int]? = nil) -> [Int] {
    let onDies = fabric.hardware.expertHome == .hbm
    let memories = fabric.tiers.count + (onDies ? 1 : 0)
    var homes: [Int] = []
    for memory in 0..<memories {
      let left = experts - homes.count
      let isLast = memory == memories - 1
      let count = isLast ? left : min(left, rooms.map { max(0, $0[memory]) } ?? left)
      homes += (0..<count).map { expert in
        guard onDies else { return fabric.dies + memory }
        if memory > 0 { return fabric.dies + memory - 1 }
        return self == .contiguous ? expert * fabric.dies / count : expert % fabric.dies
      }
    }
    return homes
  }
}

extension ExpertCost {
  /// Experts of a layer that every memory has room for, the dies together as one, as
  /// ``HomePlacement/homes(experts:on:rooms:)`` takes them; all layers of the model have the same.
  package func rooms(of model: ModelShape, on fabric: Fabric) -> [Int] {
    let system = fabric.hardware
    func room(_ bytes: Double) -> Int {
      max(0, bytes).wholeParts(of: weightBytes * Double(model.moeLayers.count))
    }
    let share = fabric.tiers.isEmpty ? 1 : system.hbmHomeFraction
    return (system.expertHome == .hbm ? [room(system.usableHBM * share) * fabric.dies] : [])
      + fabric.tiers.map { room($0.capacity) }
  }
}
