/// Balance by load alone: one more copy for the expert whose copies have most each, until the slots
/// are used, then copies in descending order of load, each to the least loaded GPU with room.
///
/// As ``EPLB`` does without nodes, but a GPU never holds an expert twice, and equal loads keep their
/// order.
public struct Greedy: PlacementAlgorithm {
  /// The rule.
  public init() {}

  /// - Complexity: O(layers * (redundant * E + P log P + P * G)).
  public func slots(
    for evidence: PlacementEvidence, on layout: DeviceLayout
  ) throws(PlacementError) -> [[Int]] {
    evidence.loads.map { loads in
      let copies = Self.copies(loads, on: layout)
      let shares = loads.indices.map { loads[$0] / Double(copies[$0]) }
      var gpus = Array(repeating: GPU(), count: layout.gpus)
      for expert in BalancedPacks.descending(shares) {
        for _ in 0..<copies[expert] {
          Self.add(expert, shares, to: &gpus, slots: layout.slotsPerGPU)
        }
      }
      return gpus.flatMap(\.experts)
    }
  }

  private struct GPU {
    var experts: [Int] = []
    var load = 0.0
  }

  /// How many of each expert there are; none more than GPUs.
  private static func copies(_ loads: [Double], on layout: DeviceLayout) -> [Int] {
    var copies = Array(repeating: 1, count: loads.count)
    for _ in loads.count..<layout.slots {
      var most: Int?
      for expert in loads.indices where copies[expert] < layout.gpus {
        if most.map({
          loads[expert] / Double(copies[expert]) > loads[$0] / Double(copies[$0])
        }) ?? true {
          most = expert
        }
      }
      if let most { copies[most] += 1 }
    }
    return copies
  }

  /// Puts a copy on the least loaded GPU with room that has none. Where all with room have one, a full
  /// GPU without it takes it, and gives them its lightest that they lack.
  private static func add(_ expert: Int, _ shares: [Double], to gpus: inout [GPU], slots: Int) {
    func least(_ places: [Int]) -> Int? {
      places.min { (gpus[$0].load, $0) < (gpus[$1].load, $1) }
    }
    let open = gpus.indices.filter { gpus[$0].experts.count < slots }
    let lacking = gpus.indices.filter { !gpus[$0].experts.contains(expert) }
    var place = least(open.filter { lacking.contains($0) })
    if place == nil, let room = least(open), let full = least(lacking) {
      // A GPU with room has fewer experts than a full one: there is one that it lacks.
      let spare = gpus[full].experts.indices.filter {
        !gpus[room].experts.contains(gpus[full].experts[$0])
      }
      if let index = spare.min(by: {
        shares[gpus[full].experts[$0]] < shares[gpus[full].experts[$1]]
      }) {
        let moved = gpus[full].experts.remove(at: index)
        gpus[full].load -= shares[moved]
        gpus[room].experts.append(moved)
        gpus[room].load += shares[moved]
        place = full
      }
    }
    guard let place else { return }
    gpus[place].experts.append(expert)
    gpus[place].load += shares[expert]
  }
}
