import Wafer

/// What it takes to bring experts from where they lie to where they are to lie, one layer's.
public struct WeightMoves: Hashable, Sendable {
  /// Experts that a GPU has to read from another.
  public private(set) var experts = 0
  /// Their bytes.
  public private(set) var bytes = 0.0
  /// Seconds of the busiest link or memory, and the longest way.
  public private(set) var seconds = 0.0

  /// The moves of one layer: every GPU reads what it lacked from the nearest GPU that held it, all
  /// at once. Experts that change slots within a GPU do not move.
  ///
  /// - Complexity: O(slots * hops).
  public init(
    from old: SlotMap, to new: SlotMap, layer: Int, expert: ExpertCost, on fabric: Fabric
  ) {
    let holders = old.holders(layer: layer)
    var links = Array(repeating: 0.0, count: fabric.links)
    var memories = Array(repeating: 0.0, count: fabric.nodes)
    var latency = 0.0
    for gpu in 0..<new.layout.gpus {
      let held = Set(old.experts(of: gpu, layer: layer))
      for moved in Set(new.experts(of: gpu, layer: layer)).subtracting(held) {
        guard let source = fabric.nearest(of: holders[moved], to: gpu) else { continue }
        experts += 1
        for link in fabric.way(from: source, to: gpu) { links[Int(link)] += expert.weightBytes }
        memories[source] += expert.weightBytes
        memories[gpu] += expert.weightBytes
        latency = max(latency, fabric.wayLatency(from: source, to: gpu))
      }
    }
    bytes = Double(experts) * expert.weightBytes
    for link in links.indices { seconds = max(seconds, links[link] / fabric.linkBandwidth[link]) }
    for node in memories.indices {
      seconds = max(seconds, memories[node] / fabric.memoryBandwidth[node])
    }
    seconds += latency
  }
}

extension SlotMap {
  /// The same shares of a layer's experts, given to the GPUs that hold most of them already: the pair
  /// of a share and a GPU of its node with most experts in common first, and so on.
  ///
  /// - Complexity: O(layers * nodes * GPUs of a node^2 * slots of a GPU).
  public func aligned(to old: SlotMap) throws(PlacementError) -> SlotMap {
    let (each, size) = (layout.slotsPerGPU, layout.gpusPerNode)
    var rows = slots
    for layer in slots.indices {
      for node in 0..<layout.nodes {
        let gpus = node * size..<(node + 1) * size
        let held = gpus.map { Set(old.experts(of: $0, layer: layer)) }
        let shares = gpus.map { Array(experts(of: $0, layer: layer)) }
        var pairs: [(common: Int, share: Int, gpu: Int)] = []
        for share in 0..<size {
          let own = Set(shares[share])
          for gpu in 0..<size {
            pairs.append((own.intersection(held[gpu]).count, share, gpu))
          }
        }
        pairs.sort { (-$0.common, $0.share, $0.gpu) < (-$1.common, $1.share, $1.gpu) }
        var (given, taken) = (Set<Int>(), Set<Int>())
        for pair in pairs where !given.contains(pair.share) && !taken.contains(pair.gpu) {
          given.insert(pair.share)
          taken.insert(pair.gpu)
          let first = (gpus.lowerBound + pair.gpu) * each
          rows[layer].replaceSubrange(first..<first + each, with: shares[pair.share])
        }
      }
    }
    return try SlotMap(layout: layout, experts: experts, slots: rows)
  }

  /// The same map with one layer's slots as in another.
  func replacing(layer: Int, by other: SlotMap) throws(PlacementError) -> SlotMap {
    var rows = slots
    rows[layer] = other.slots[layer]
    return try SlotMap(layout: layout, experts: experts, slots: rows)
  }
}
