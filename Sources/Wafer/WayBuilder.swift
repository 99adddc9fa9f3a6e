/// What a link joins: two nodes, or a node and a switch.
public struct LinkEnds: Hashable, Sendable {
  /// The node where it begins; nil for the switch.
  public let from: Int?
  /// The node where it ends; nil for the switch.
  public let to: Int?
}

/// Numbers a system's links as ways ask for them, and knows what each can carry.
struct WayBuilder {
  private let hardware: Hardware
  /// Bytes a second of every link.
  private(set) var bandwidth: [Double] = []
  /// Seconds a crossing of every link.
  private(set) var latency: [Double] = []
  /// What every link joins.
  private(set) var ends: [LinkEnds] = []
  private var number: [LinkEnds: Int32] = [:]

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

  /// The links from one node to another, in order; empty for a node and itself.
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
      return [link(from: from, to: nil), link(from: nil, to: to)]
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

  private mutating func link(from: Int?, to: Int?) -> Int32 {
    add(
      LinkEnds(from: from, to: to), hardware.linkBandwidthOneDirection, hardware.linkLatency)
  }

  private mutating func hostLink(from: Int, to: Int) -> Int32 {
    add(LinkEnds(from: from, to: to), hardware.hostLinkBandwidth, hardware.hostLinkLatency)
  }

  private mutating func add(_ ends: LinkEnds, _ bytes: Double, _ seconds: Double) -> Int32 {
    if let known = number[ends] { return known }
    let new = Int32(bandwidth.count)
    number[ends] = new
    self.ends.append(ends)
    bandwidth.append(bytes)
    latency.append(seconds)
    return new
  }
}
