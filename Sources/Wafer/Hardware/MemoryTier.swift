import Spelling

/// A memory behind the dies, the host's DRAM, CXL modules or an SSD: every die reads it over a link of
/// its own.
///
/// A hardware file lists them under `tiers`, the nearest first:
///
/// ```json
/// "tiers": [{"name": "ssd", "capacity_bytes": 8e12, "bandwidth_bytes_per_second": 14e9,
///   "link_bandwidth_bytes_per_second": 14e9, "latency_seconds": 50e-6}]
/// ```
public struct MemoryTier: Hashable, Sendable {
  /// A short name for tables.
  public var name: String
  /// Bytes that weights may fill.
  public var capacity = 0.0
  /// Bytes a second, all dies together.
  public var bandwidth = 0.0
  /// Seconds from a read's turn to its first byte.
  public var latency = 0.0
  /// Bytes a second of the link to one die.
  public var linkBandwidth = 0.0
  /// Seconds a crossing of that link.
  public var linkLatency = 1e-6
  /// Picojoules a bit read.
  public var picojoules = 15.0
  /// Picojoules a bit over the link.
  public var linkPicojoules = 6.0

  /// A tier of no size; give it its figures.
  public init(_ name: String) { self.name = name }

  /// What a file gives of a tier beside its name.
  private struct Key: Sendable {
    let name: String
    let path: any WritableKeyPath<MemoryTier, Double> & Sendable
    let bounds: ClosedRange<Double>
    var isNeeded = false
  }

  private static let keys = [
    Key(name: "capacity_bytes", path: \.capacity, bounds: Hardware.sizes, isNeeded: true),
    Key(
      name: "bandwidth_bytes_per_second", path: \.bandwidth, bounds: Hardware.rates,
      isNeeded: true),
    Key(name: "latency_seconds", path: \.latency, bounds: Hardware.times, isNeeded: true),
    Key(
      name: "link_bandwidth_bytes_per_second", path: \.linkBandwidth, bounds: Hardware.rates,
      isNeeded: true),
    Key(name: "link_latency_seconds", path: \.linkLatency, bounds: Hardware.times),
    Key(name: "picojoules_per_bit", path: \.picojoules, bounds: Hardware.energies),
    Key(name: "link_picojoules_per_bit", path: \.linkPicojoules, bounds: Hardware.energies),
  ]

  private static let nameKey = "name"

  /// Its keys with their values, in the order of files.
  public var values: [(key: String, value: HardwareValue)] {
    [(Self.nameKey, .text(name))] + Self.keys.map { ($0.name, .number(self[keyPath: $0.path])) }
  }

  /// The tier that a file describes.
  ///
  /// - Throws: ``HardwareError`` for a key that is unknown, missing or out of bounds.
  init(_ members: [(key: String, value: HardwareValue)]) throws(HardwareError) {
    guard case .text(let name)? = members.first(where: { $0.key == Self.nameKey })?.value,
      !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 != UInt8(ascii: ".") })
    else { throw HardwareError("a tier needs a name without blanks and dots, such as \"ssd\"") }
    self.init(name)
    for (key, value) in members where key != Self.nameKey { try set(key, to: value) }
    let missing = Self.keys.filter { key in
      key.isNeeded && !members.contains { $0.key == key.name }
    }
    guard missing.isEmpty else {
      throw HardwareError(
        "tier \(name) does not say \(missing.map(\.name).joined(separator: ", "))")
    }
  }

  /// Sets the property that `key` names.
  ///
  /// - Throws: ``HardwareError`` for an unknown key (naming near ones) or a value out of bounds.
  mutating func set(_ key: String, to value: HardwareValue) throws(HardwareError) {
    guard let entry = Self.keys.first(where: { $0.name == key }) else {
      let names = Self.keys.map(\.name)
      let near = likely(key, among: names)
      throw HardwareError(
        "'\(key)' is no key of a tier; "
          + (near.isEmpty
            ? "they are \(names.joined(separator: ", "))"
            : "did you mean \(near.joined(separator: " or "))?"))
    }
    self[keyPath: entry.path] = try checkedNumber(value, "\(name).\(key)", within: entry.bounds)
  }
}

extension Hardware {
  /// All memories behind the dies, the nearest first: the host's where experts live there, then
  /// ``tiers``.
  public var memoryTiers: [MemoryTier] {
    guard expertHome == .host else { return tiers }
    var host = MemoryTier("host")
    (host.capacity, host.bandwidth, host.latency) = (hostCapacity, hostBandwidth, hostLatency)
    (host.linkBandwidth, host.linkLatency) = (hostLinkBandwidth, hostLinkLatency)
    (host.picojoules, host.linkPicojoules) = (hostPicojoules, hostLinkPicojoules)
    return [host] + tiers
  }

  /// Tiers that a system may have.
  private static let mostTiers = 8

  /// What is wrong with ``tiers`` as a list; nil for nothing.
  var tiersProblem: String? {
    if tiers.count > Self.mostTiers { return "a system has at most \(Self.mostTiers) tiers" }
    let names = memoryTiers.map(\.name)
    return Set(names).count < names.count ? "two memories have one name; name each its own" : nil
  }
}
