/// A system's memories and links with the way between any two of them.
///
/// ```swift
/// let fabric = Fabric(Hardware())
/// print(fabric.hops(from: 0, to: 24), fabric.way(from: 0, to: 24))
/// ```
///
/// Nodes are memories: `0..<dies` the dies' HBM, and behind them the system's
/// ``Hardware/memoryTiers``, such as the host's.
/// A way is a list of directed links; distances count links.
public struct Fabric: Sendable {
  /// The system's figures.
  public let hardware: Hardware
  /// Dies (D), numbered row by row.
  public let dies: Int
  /// Dies, and the memories behind them.
  public let nodes: Int
  /// The memories behind the dies, whose nodes follow the dies'.
  public let tiers: [MemoryTier]
  /// Directed links (N).
  public let links: Int
  /// What every link joins.
  public let linkEnds: [LinkEnds]
  /// Bytes a second of every node's memory.
  public let memoryBandwidth: [Double]
  /// Seconds from a read's turn to its first byte, for every node's memory.
  public let memoryLatency: [Double]
  /// Bytes a second of every link.
  public let linkBandwidth: [Double]
  /// Seconds a crossing, for every link.
  public let linkLatency: [Double]
  /// The dies one hop from every node.
  private let adjacent: [[Int]]
  // One entry a pair of nodes, found by `pair`.
  private let hopCounts: [Int]
  private let wayLatencies: [Double]
  private let commandTimes: [Double]
  /// Where the links of every pair begin in ``wayLinks``, and the end.
  private let wayStart: [Int32]
  /// All ways end to end.
  let wayLinks: [Int32]

  /// Lays out the system.
  ///
  /// - Precondition: ``Hardware/problem`` is nil.
  /// - Complexity: O(nodes^2 * hops) time and memory.
  public init(_ hardware: Hardware) {
    self.hardware = hardware
    let dies = hardware.dies
    let tiers = hardware.memoryTiers
    let nodes = dies + tiers.count
    var builder = WayBuilder(hardware)
    var ways: [Int32] = []
    var start: [Int32] = [0]
    for from in 0..<nodes {
      for to in 0..<nodes {
        ways += builder.way(from: from, to: to, tiers: tiers)
        start.append(Int32(ways.count))
      }
    }
    self.dies = dies
    self.tiers = tiers
    self.nodes = nodes
    links = builder.bandwidth.count
    linkEnds = builder.ends
    linkBandwidth = builder.bandwidth
    linkLatency = builder.latency
    wayStart = start
    wayLinks = ways
    let hops = zip(start, start.dropFirst()).map { Int($1 - $0) }
    hopCounts = hops
    adjacent = (0..<nodes).map { node in
      (0..<dies).filter { die in
        die != node
          && (node >= dies || Self.isNear(node, die, hops[node * nodes + die], hardware))
      }
    }
    memoryBandwidth =
      Array(repeating: hardware.hbmBandwidth, count: dies)
      + tiers.map(\.bandwidth)
    memoryLatency =
      Array(repeating: hardware.hbmLatency, count: dies)
      + tiers.map(\.latency)
    // All links of one way are alike, so a product serves; it is also what the reference computes.
    let firstLinks = hops.indices.map { hops[$0] > 0 ? Int(ways[Int(start[$0])]) : nil }
    wayLatencies = zip(hops, firstLinks).map { hops, first in
      first.map { Double(hops) * builder.latency[$0] } ?? 0
    }
    commandTimes = zip(hops, firstLinks).map { hops, first in
      first.map {
        Double(hops) * (builder.latency[$0] + hardware.commandBytes / builder.bandwidth[$0])
      } ?? 0
    }
  }

  /// Whether two dies are neighbours: one link apart, or behind the same switch.
  private static func isNear(_ first: Int, _ second: Int, _ hops: Int, _ hardware: Hardware) -> Bool
  {
    switch hardware.topology {
    case .mesh, .ring, .torus: hops == 1
    case .switch: true
    case .twoLevel: first / hardware.columns == second / hardware.columns
    }
  }

  /// The memory behind the dies that is this node; nil for a die.
  public func tier(of node: Int) -> MemoryTier? { node < dies ? nil : tiers[node - dies] }

  /// The place of two nodes in tables of all pairs.
  private func pair(_ from: Int, _ to: Int) -> Int { from * nodes + to }

  /// Links between two nodes: the Manhattan distance on a mesh, the shorter ways round on a ring or a
  /// torus, 2 through a switch or between domains, 1 from a memory behind
  /// them.
  public func hops(from: Int, to: Int) -> Int { hopCounts[pair(from, to)] }

  /// Seconds that weights need on the way between two nodes beside their bytes: the sum of
  /// latencies.
  public func wayLatency(from: Int, to: Int) -> Double { wayLatencies[pair(from, to)] }

  /// Seconds that a read command from the die `to` needs to the memory `from`.
  public func commandSeconds(from: Int, to: Int) -> Double { commandTimes[pair(from, to)] }

  /// The links from one node to another, in order; empty for a node and itself.
  public func way(from: Int, to: Int) -> ArraySlice<Int32> {
    let range = wayRange(from: from, to: to)
    return wayLinks[Int(range.lowerBound)..<Int(range.upperBound)]
  }

  /// Where a way's links lie in ``wayLinks``.
  func wayRange(from: Int, to: Int) -> Range<Int32> {
    let pair = pair(from, to)
    return wayStart[pair]..<wayStart[pair + 1]
  }

  /// Seconds that `bytes` take at the slowest part of a way, the memory they are read from or a
  /// link.
  package func slowestSeconds(_ bytes: Double, from: Int, to: Int) -> Double {
    bytes
      / way(from: from, to: to).reduce(memoryBandwidth[from]) { min($0, linkBandwidth[Int($1)]) }
  }

  /// The holder nearest to a die, the lowest number of equals; nil of none.
  package func nearest(of holders: [Int], to die: Int) -> Int? {
    holders.min { (hops(from: $0, to: die), $0) < (hops(from: $1, to: die), $1) }
  }

  /// Dies other than `node` within `distance` hops, ascending; behind a switch, or from a tier,
  /// every die is near.
  public func neighbours(of node: Int, within distance: Int) -> [Int] {
    if distance == 1 || hardware.topology == .switch || node >= dies { return adjacent[node] }
    if hardware.topology == .twoLevel { return (0..<dies).filter { $0 != node } }
    return (0..<dies).filter { $0 != node && hops(from: node, to: $0) <= distance }
  }
}
