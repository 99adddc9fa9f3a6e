/// A system's memories and links with the way between any two of them.
///
/// Nodes are memories: `0..<dies` the dies' HBM, and one more, the host, where experts live there.
/// A way is a list of directed links; distances count links. All tables are flat, `from * nodes + to`.
public struct Fabric: Sendable {
  public let hardware: Hardware
  public let dies: Int
  /// Dies, and the host if the system has one.
  public let nodes: Int
  /// The host's node, or nil.
  public let host: Int?
  /// Directed links (N).
  public let links: Int
  /// Links between two nodes: the Manhattan distance on a mesh, the shorter way on a ring, 2 through a switch, 1 from the host.
  public let hops: [Int]
  /// Bytes a second of every node's memory.
  public let memoryBandwidth: [Double]
  /// Seconds from a read's turn to its first byte, for every node's memory.
  public let memoryLatency: [Double]
  /// Bytes a second of every link.
  public let linkBandwidth: [Double]
  /// Seconds a crossing, for every link.
  public let linkLatency: [Double]
  /// Seconds that weights need on the way between two nodes beside their bytes: the sum of latencies.
  public let wayLatency: [Double]
  /// Seconds a read command needs from `to` to the memory `from`.
  public let commandSeconds: [Double]
  /// The dies one hop from every node.
  private let adjacent: [[Int]]
  private let wayStart: [Int32]
  private let wayLinks: [Int32]

  public init(_ hardware: Hardware) {
    self.hardware = hardware
    let dies = hardware.dies
    let host = hardware.expertHome == .host ? dies : nil
    let nodes = dies + (host == nil ? 0 : 1)
    var builder = WayBuilder(hardware)
    var ways: [[Int32]] = []
    for from in 0..<nodes {
      for to in 0..<nodes { ways.append(builder.way(from: from, to: to, host: host)) }
    }
    var start: [Int32] = [0]
    for way in ways { start.append(start[start.count - 1] + Int32(way.count)) }
    self.dies = dies
    self.host = host
    self.nodes = nodes
    links = builder.bandwidth.count
    linkBandwidth = builder.bandwidth
    linkLatency = builder.latency
    self.hops = ways.map(\.count)
    wayStart = start
    wayLinks = ways.flatMap { $0 }
    let hops = ways.map(\.count)
    adjacent = (0..<nodes).map { node in
      (0..<dies).filter { die in
        die != node
          && (hardware.topology == .switch || node == host || hops[node * nodes + die] == 1)
      }
    }
    memoryBandwidth =
      Array(repeating: hardware.hbmBandwidth, count: dies)
      + (host == nil ? [] : [hardware.hostBandwidth])
    memoryLatency =
      Array(repeating: hardware.hbmLatency, count: dies)
      + (host == nil ? [] : [hardware.hostLatency])
    // All links of one way are alike, so a product serves; it is also what the reference computes.
    wayLatency = ways.map { way in
      way.first.map { Double(way.count) * builder.latency[Int($0)] } ?? 0
    }
    commandSeconds = ways.map { way in
      way.first.map {
        Double(way.count)
          * (builder.latency[Int($0)] + hardware.commandBytes / builder.bandwidth[Int($0)])
      } ?? 0
    }
  }

  /// The links from one node to another, in order; empty for a node and itself.
  public func way(from: Int, to: Int) -> ArraySlice<Int32> {
    let pair = from * nodes + to
    return wayLinks[Int(wayStart[pair])..<Int(wayStart[pair + 1])]
  }

  /// Seconds that `bytes` take at the slowest part of a way, the memory they are read from or a link.
  func slowestSeconds(_ bytes: Double, from: Int, to: Int) -> Double {
    bytes
      / way(from: from, to: to).reduce(memoryBandwidth[from]) { min($0, linkBandwidth[Int($1)]) }
  }

  /// All ways end to end, and where each begins: pair `p` owns `links[start[p]..<start[p + 1]]`.
  var flatWays: (start: [Int32], links: [Int32]) { (wayStart, wayLinks) }

  /// Dies other than `node` within `distance` hops, ascending; behind a switch, or from the host,
  /// every die is near.
  public func neighbours(of node: Int, within distance: Int) -> [Int] {
    if distance == 1 || hardware.topology == .switch || node == host { return adjacent[node] }
    return (0..<dies).filter { $0 != node && hops[node * nodes + $0] <= distance }
  }
}

/// Numbers links as ways ask for them.
private struct WayBuilder {
  let hardware: Hardware
  var bandwidth: [Double] = []
  var latency: [Double] = []
  private var number: [[Int]: Int32] = [:]

  init(_ hardware: Hardware) {
    self.hardware = hardware
    guard hardware.topology == .mesh else { return }
    // Every die's links first, so that the unused ones count in means too.
    for die in 0..<hardware.dies {
      let (x, y) = (die % hardware.columns, die / hardware.columns)
      for (dx, dy) in [(1, 0), (-1, 0), (0, 1), (0, -1)] {
        guard (0..<hardware.columns).contains(x + dx), (0..<hardware.rows).contains(y + dy) else {
          continue
        }
        _ = link(from: die, to: (y + dy) * hardware.columns + x + dx)
      }
    }
  }

  mutating func way(from: Int, to: Int, host: Int?) -> [Int32] {
    if from == to { return [] }
    if from == host || to == host { return [hostLink(from: from, to: to)] }
    switch hardware.topology {
    case .ring:
      let up = (to - from + hardware.dies) % hardware.dies
      let step = up <= hardware.dies - up ? 1 : -1
      return (0..<min(up, hardware.dies - up)).map { crossed in
        let at = (from + step * crossed + hardware.dies) % hardware.dies
        return link(from: at, to: (at + step + hardware.dies) % hardware.dies)
      }
    case .switch:
      let middle = -1
      return [link(from: from, to: middle), link(from: middle, to: to)]
    case .mesh:
      var way: [Int32] = []
      var at = from
      while at % hardware.columns != to % hardware.columns {
        let next = at + (to % hardware.columns > at % hardware.columns ? 1 : -1)
        way.append(link(from: at, to: next))
        at = next
      }
      while at != to {
        let next = at + (to > at ? hardware.columns : -hardware.columns)
        way.append(link(from: at, to: next))
        at = next
      }
      return way
    }
  }

  private mutating func link(from: Int, to: Int) -> Int32 {
    add([from, to], hardware.linkBandwidthOneDirection, hardware.linkLatency)
  }

  private mutating func hostLink(from: Int, to: Int) -> Int32 {
    add([from, to], hardware.hostLinkBandwidth, hardware.hostLinkLatency)
  }

  private mutating func add(_ ends: [Int], _ bytes: Double, _ seconds: Double) -> Int32 {
    if let known = number[ends] { return known }
    let new = Int32(bandwidth.count)
    number[ends] = new
    bandwidth.append(bytes)
    latency.append(seconds)
    return new
  }
}
