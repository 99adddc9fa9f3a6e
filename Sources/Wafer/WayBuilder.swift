/// What a link joins: two nodes, or a node and a switch.
public struct LinkEnds: Hashable, Sendable {
  /// The node where it begins; nil for the switch.
  public let from: Int?
  /// The node where it ends; nil for the switch.
  public let to: Int?
  /// Whether it leads to other domains, of a system of two levels.
  public var isScaleOut = false
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
    guard hardware.topology == .mesh || hardware.topology == .torus else { return }
    // Every die's links first, so that the unused ones count in means too.
    for die in 0..<hardware.dies {
      let (x, y) = (die % hardware.columns, die / hardware.columns)
      for (dx, dy) in [(1, 0), (-1, 0), (0, 1), (0, -1)] {
        var (toX, toY) = (x + dx, y + dy)
        if hardware.topology == .torus {
          toX = (toX + hardware.columns) % hardware.columns
          toY = (toY + hardware.rows) % hardware.rows
        }
        guard (0..<hardware.columns).contains(toX), (0..<hardware.rows).contains(toY) else {
          continue
        }
        let to = toY * hardware.columns + toX
        if to != die { _ = link(from: die, to: to) }
      }
    }
  }

  /// The links from one node to another, in order; empty for a node and itself.
  mutating func way(from: Int, to: Int, tiers: [MemoryTier]) -> [Int32] {
    if from == to { return [] }
    let behind = max(from, to) - hardware.dies
    if behind >= 0 { return [tierLink(from: from, to: to, tiers[behind])] }
    switch hardware.topology {
    case .ring:
      return Self.around(hardware.dies, from, to).map { link(from: $0, to: $1) }
    case .torus:
      let columns = hardware.columns
      let row = from / columns * columns
      let turn = row + to % columns
      let across = Self.around(columns, from % columns, to % columns)
      let down = Self.around(hardware.rows, from / columns, to / columns)
      return across.map { link(from: row + $0, to: row + $1) }
        + down.map { link(from: $0 * columns + turn % columns, to: $1 * columns + turn % columns) }
    case .twoLevel where from / hardware.columns != to / hardware.columns:
      return [scaleOutLink(from: from, to: nil), scaleOutLink(from: nil, to: to)]
    case .switch, .twoLevel:
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

  /// The steps of the shorter way round a ring of `count`, upwards on ties.
  private static func around(_ count: Int, _ from: Int, _ to: Int) -> [(Int, Int)] {
    let up = (to - from + count) % count
    let step = up <= count - up ? 1 : -1
    return (0..<min(up, count - up)).map { crossed in
      let at = (from + step * crossed + count) % count
      return (at, (at + step + count) % count)
    }
  }

  private mutating func scaleOutLink(from: Int?, to: Int?) -> Int32 {
    add(
      LinkEnds(from: from, to: to, isScaleOut: true), hardware.scaleOutBandwidth,
      hardware.scaleOutLatency)
  }

  private mutating func link(from: Int?, to: Int?) -> Int32 {
    add(
      LinkEnds(from: from, to: to), hardware.linkBandwidthOneDirection, hardware.linkLatency)
  }

  private mutating func tierLink(from: Int, to: Int, _ tier: MemoryTier) -> Int32 {
    add(LinkEnds(from: from, to: to), tier.linkBandwidth, tier.linkLatency)
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
