/// A system of dies with their memories and links, in SI units.
///
/// ```swift
/// var hardware = try Hardware.shipped("dojo") ?? Hardware()
/// try hardware.apply(override: "rows=7")
/// ```
///
/// It is read from a flat JSON object whose keys carry their units (see ``SystemDescription``); the
/// wafers of the paper's case study 1 and two smaller systems are shipped (``shippedNames``).
public struct Hardware: Hashable, Sendable {
  /// How dies reach each other.
  public enum Topology: String, CaseIterable, Sendable {
    /// A 2D mesh, XY routing (X first, then Y), one link a direction between neighbours.
    case mesh
    /// Every die has one link into a switch and one out of it; all dies are neighbours.
    case `switch`
    /// `columns * rows` dies in a circle, one link a direction; the shorter way round, upwards on
    /// ties.
    case ring
    /// A mesh whose rows and columns are closed to rings; X first, the shorter way round in each.
    case torus
    /// Domains of `columns` dies, `rows` of them: a switch inside each as in `switch`, and for dies of
    /// two domains one scale-out link a die into a network of full bandwidth and one out of it.
    case twoLevel = "two_level"
  }

  /// What the quoted link bandwidth adds up.
  public enum LinkBandwidthCounts: String, CaseIterable, Sendable {
    /// One direction of one link (the reference's reading of the paper).
    case oneDirection = "one_direction"
    /// Both directions of one link together: a direction has half.
    case bothDirections = "both_directions"
    /// All four links of a mesh die, one direction: a link has a quarter.
    case wholeDie = "whole_die"
  }

  /// Where the weights of every expert live for good.
  public enum ExpertHome: String, CaseIterable, Sendable {
    /// In the HBM of one die.
    case hbm
    /// In the host's memory, reached by one link a die.
    case host
  }

  /// A short name for tables.
  public var name = "custom"
  /// One sentence for people.
  public var description = ""
  /// Where the figures come from.
  public var sources = ""
  /// How dies reach each other.
  public var topology = Topology.mesh
  /// Mesh size in X; dies are numbered row by row, die `y * columns + x`.
  public var columns = 5
  /// Mesh size in Y.
  public var rows = 5
  /// Dense 16-bit floating point operations a second and die.
  public var computeFlops = 989e12
  /// Share of `computeFlops` that expert kernels reach, in (0, 1].
  public var computeEfficiency = 1.0
  /// Requests of a task are rounded up to a multiple of this before they are computed.
  public var computeTileRequests = 1
  /// Bytes a second and die.
  public var hbmBandwidth = 3.35e12
  /// Bytes a die.
  public var hbmCapacity = 80e9
  /// Seconds from a read's turn at the HBM to its first byte.
  public var hbmLatency = 300e-9
  /// Share of HBM kept for the system, in [0, 1) (the paper keeps a tenth).
  public var hbmReserved = 0.1
  /// Bytes a die that neither experts nor the system may take: KV cache, weights beside experts.
  public var hbmOtherBytes = 0.0
  /// Bytes a second and link, to be read as `linkBandwidthCounts` says.
  public var linkBandwidth = 1.7e12
  /// What ``linkBandwidth`` adds up.
  public var linkBandwidthCounts = LinkBandwidthCounts.oneDirection
  /// Seconds a link and crossing.
  public var linkLatency = 200e-9
  /// Bytes a second, one direction, of a die's link between domains; used by two levels.
  public var scaleOutBandwidth = 50e9
  /// Seconds a crossing of that link.
  public var scaleOutLatency = 1e-6
  /// Bytes of last-level cache a die.
  public var llcCapacity = 64e6
  /// Seconds from asking an LLC to a chunk that it holds.
  public var llcHit = 100e-9
  /// Seconds that asking it in vain adds to a read.
  public var llcMiss = 110e-9
  /// Seconds to write a chunk through it.
  public var llcWrite = 30e-9
  /// Command and address bytes of a remote read.
  public var commandBytes = 16.0
  /// Where the weights of every expert live for good.
  public var expertHome = ExpertHome.hbm
  /// Bytes of host memory; used where experts live in the host.
  public var hostCapacity = 2e12
  /// Bytes a second of host memory (all dies together); used where experts live in the host.
  public var hostBandwidth = 200e9
  /// Seconds from a read's turn at the host's memory to its first byte.
  public var hostLatency = 500e-9
  /// Bytes a second of the link between host and one die.
  public var hostLinkBandwidth = 55e9
  /// Seconds a crossing of that link.
  public var hostLinkLatency = 1e-6

  /// Memories behind the dies and the host, the nearest first: what does not fit into the nearer
  /// ones has its home there.
  public var tiers: [MemoryTier] = []
  /// Share of a die's HBM for weights that homes may fill where there are tiers behind it; the rest
  /// is for copies.
  public var hbmHomeFraction = 1.0

  /// Picojoules a bit read from or written to HBM.
  public var hbmPicojoules = 3.9
  /// Picojoules a bit and link between dies.
  public var linkPicojoules = 1.3
  /// Picojoules a bit of host memory.
  public var hostPicojoules = 15.0
  /// Picojoules a bit over the host's link.
  public var hostLinkPicojoules = 6.0
  /// Picojoules a bit over a scale-out link.
  public var scaleOutPicojoules = 15.0
  /// Picojoules a floating point operation.
  public var computePicojoules = 0.5

  /// Dojo's figures; change what differs.
  public init() {}

  /// Dies of the system (D).
  public var dies: Int { columns * rows }

  /// Bytes a second of one link in one direction.
  public var linkBandwidthOneDirection: Double {
    switch linkBandwidthCounts {
    case .oneDirection: linkBandwidth
    case .bothDirections: linkBandwidth / 2
    case .wholeDie: linkBandwidth / 4
    }
  }

  /// Bytes of HBM that weights may fill on one die.
  public var usableHBM: Double { (1 - hbmReserved) * hbmCapacity - hbmOtherBytes }
}

/// What is wrong with a hardware description.
public struct HardwareError: Error, Hashable, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}
