import Spelling

/// A value as hardware files and `--set` give it.
public enum HardwareValue: Hashable, Sendable {
  case number(Double)
  case text(String)
  /// Memories behind the dies; files alone give them.
  case tiers([MemoryTier])
}

/// One key of a hardware file: its name with the unit, and the property it sets and tells.
struct HardwareKey: Sendable {
  /// On which systems a key says anything.
  enum Scope {
    /// A name for people; nothing depends on it.
    case label
    case everywhere
    /// Systems of several dies.
    case betweenDies
    /// Systems of several domains.
    case betweenDomains
    /// Systems whose experts live in the host.
    case host
    /// Systems of further memories.
    case tiers
  }

  let name: String
  let scope: Scope
  /// Whether a file without a base must give it: nobody can guess it.
  var isNeeded = false
  let set: @Sendable (inout Hardware, HardwareValue) throws(HardwareError) -> Void
  let get: @Sendable (Hardware) -> HardwareValue

  /// Whether anything simulated on `hardware` depends on it.
  func matters(to hardware: Hardware) -> Bool {
    switch scope {
    case .label: false
    case .everywhere: true
    case .betweenDies: hardware.dies > 1
    case .betweenDomains: hardware.topology == .twoLevel && hardware.rows > 1
    case .host: hardware.expertHome == .host
    case .tiers: !hardware.tiers.isEmpty
    }
  }

  /// The same key, which a file without a base must give.
  var needed: Self {
    var key = self
    key.isNeeded = true
    return key
  }
}

extension Hardware {
  /// The keys of hardware files and of `--set`, in the order of the shipped files.
  public static var keys: [String] { table.map(\.name) }

  /// Every key with its value, in the order of ``keys``: what a file must say to be this system.
  public var values: [(key: String, value: HardwareValue)] {
    Self.table.map { ($0.name, $0.get(self)) }
  }

  /// Sets the property that `key` names.
  ///
  /// - Throws: ``HardwareError`` for an unknown key (naming near ones), a value of the wrong kind
  ///   or outside its bounds.
  public mutating func set(_ key: String, to value: HardwareValue) throws(HardwareError) {
    guard let entry = Self.table.first(where: { $0.name == key }) else {
      throw HardwareError("'\(key)' is no hardware key" + Self.suggestion(for: key))
    }
    try entry.set(&self, value)
  }

  /// Applies one `key=value` override; `ssd.capacity_bytes=4e12` is that of a tier. A value with a
  /// unit may leave the unit of the key out: `hbm_bandwidth=3.35TB/s`, `ssd.capacity=4TB`.
  ///
  /// - Returns: The key in full.
  /// - Throws: ``HardwareError`` as ``set(_:to:)``, also for a plain number under a key without its
  ///   unit.
  @discardableResult
  public mutating func apply(override: String) throws(HardwareError) -> String {
    guard let equals = override.firstIndex(of: "=") else {
      throw HardwareError("'\(override)' is no override; write key=value")
    }
    let key = String(override[..<equals])
    let text = String(override[override.index(after: equals)...])
    let value = Double(text).map(HardwareValue.number) ?? .text(text)
    if let dot = key.firstIndex(of: "."),
      let tier = tiers.firstIndex(where: { $0.name == key[..<dot] })
    {
      let own = try Self.fullKey(
        String(key[key.index(after: dot)...]), of: text, among: tiers[tier].values.map(\.key))
      try tiers[tier].set(own, to: value)
      return key[...dot] + own
    }
    let full = try Self.fullKey(key, of: text, among: Self.keys)
    try set(full, to: value)
    return full
  }

  /// The key that `key` is, with its unit where `value` says that.
  private static func fullKey(
    _ key: String, of value: String, among keys: [String]
  ) throws(HardwareError) -> String {
    let full = QuantityUnit.allCases.map { "\(key)_\($0.rawValue)" }.filter(keys.contains)
    guard !keys.contains(key), full.count == 1, let unit = QuantityUnit(ofKey: full[0]) else {
      return key
    }
    guard QuantityUnit.isNamed(in: value) else {
      throw HardwareError(
        "'\(key)=\(value)' says no unit; write one, such as \(unit.example), or \(full[0])=\(value)"
      )
    }
    return full[0]
  }

  /// Ways between all pairs of dies, in links, that a system may have: they are laid out in memory.
  static let mostWayLinks = 1 << 26

  /// What keeps it from being simulated, in words for the user; nil for nothing. What files and
  /// overrides set is within the keys' bounds already; properties set by a program may not be.
  public var problem: String? {
    do {
      var copy = self
      for entry in Self.table { try entry.set(&copy, entry.get(self)) }
    } catch { return "\(name): \(error)" }
    if let problem = tiersProblem { return "\(name): \(problem)" }
    guard wayLinks <= Double(Self.mostWayLinks) else {
      return "\(name): the ways between all pairs of \(dies) dies have more than"
        + " \(Self.mostWayLinks) links; take fewer dies, or a topology of shorter ways"
    }
    return nil
  }

  /// Links of all ways between two dies, about.
  private var wayLinks: Double {
    let (columns, rows) = (Double(columns), Double(rows))
    let pairs = columns * rows * columns * rows
    switch topology {
    case .mesh: return pairs * (columns + rows) / 3
    case .ring: return pairs * columns * rows / 4
    case .torus: return pairs * (columns + rows) / 4
    case .switch, .twoLevel: return pairs * 2
    }
  }

  private static func suggestion(for key: String) -> String {
    let near = likely(key, among: keys)
    return near.isEmpty
      ? "; the keys are " + keys.joined(separator: ", ")
      : "; did you mean " + near.joined(separator: " or ") + "?"
  }

  /// Bytes and operations a second; within these bounds every time is finite and above 0.
  static let rates = 1.0...1e24
  static let sizes = 0.0...1e24
  static let times = 0.0...1e6
  static let energies = 0.0...1e6

  static let table: [HardwareKey] = [
    text("name", \.name),
    text("description", \.description),
    text("sources", \.sources),
    choice("topology", \.topology, .betweenDies).needed,
    whole("columns", \.columns, 1...4096).needed,
    whole("rows", \.rows, 1...4096).needed,
    real("compute_flops_per_second", \.computeFlops, rates).needed,
    real("compute_efficiency", \.computeEfficiency, 0.001...1),
    whole("compute_tile_requests", \.computeTileRequests, 1...65536),
    real("hbm_bandwidth_bytes_per_second", \.hbmBandwidth, rates).needed,
    real("hbm_capacity_bytes", \.hbmCapacity, sizes).needed,
    real("hbm_latency_seconds", \.hbmLatency, times),
    real("hbm_reserved_fraction", \.hbmReserved, 0...0.999),
    real("hbm_other_bytes", \.hbmOtherBytes, sizes),
    real("link_bandwidth_bytes_per_second", \.linkBandwidth, rates, .betweenDies).needed,
    choice("link_bandwidth_counts", \.linkBandwidthCounts, .betweenDies),
    real("link_latency_seconds", \.linkLatency, times, .betweenDies),
    real("scale_out_bandwidth_bytes_per_second", \.scaleOutBandwidth, rates, .betweenDomains)
      .needed,
    real("scale_out_latency_seconds", \.scaleOutLatency, times, .betweenDomains),
    real("llc_capacity_bytes", \.llcCapacity, sizes),
    real("llc_hit_seconds", \.llcHit, times),
    real("llc_miss_seconds", \.llcMiss, times),
    real("llc_write_seconds", \.llcWrite, times),
    real("command_bytes", \.commandBytes, 0...1e9, .betweenDies),
    choice("expert_home", \.expertHome, .everywhere),
    real("host_capacity_bytes", \.hostCapacity, sizes, .host).needed,
    real("host_bandwidth_bytes_per_second", \.hostBandwidth, rates, .host).needed,
    real("host_latency_seconds", \.hostLatency, times, .host),
    real("host_link_bandwidth_bytes_per_second", \.hostLinkBandwidth, rates, .host).needed,
    real("host_link_latency_seconds", \.hostLinkLatency, times, .host),
    tierList("tiers"),
    real("hbm_home_fraction", \.hbmHomeFraction, 0...1, .tiers),
    real("compute_picojoules_per_flop", \.computePicojoules, energies),
    real("hbm_picojoules_per_bit", \.hbmPicojoules, energies),
    real("link_picojoules_per_bit", \.linkPicojoules, energies, .betweenDies),
    real("scale_out_picojoules_per_bit", \.scaleOutPicojoules, energies, .betweenDomains),
    real("host_picojoules_per_bit", \.hostPicojoules, energies, .host),
    real("host_link_picojoules_per_bit", \.hostLinkPicojoules, energies, .host),
  ]
}

private typealias Writable<Value> = any WritableKeyPath<Hardware, Value> & Sendable

private func text(_ name: String, _ path: Writable<String>) -> HardwareKey {
  HardwareKey(name: name, scope: .label) { hardware, value throws(HardwareError) in
    guard case .text(let text) = value else { throw HardwareError("\(name) must be a text") }
    hardware[keyPath: path] = text
  } get: {
    .text($0[keyPath: path])
  }
}

private func choice<Choice>(
  _ name: String, _ path: Writable<Choice>, _ scope: HardwareKey.Scope
) -> HardwareKey
where Choice: RawRepresentable<String> & CaseIterable & Sendable {
  HardwareKey(name: name, scope: scope) { hardware, value throws(HardwareError) in
    guard case .text(let text) = value, let choice = Choice(rawValue: text) else {
      let known = Choice.allCases.map(\.rawValue)
      var given = ""
      if case .text(let text) = value {
        given = likely(text, among: known).first.map { "; did you mean \($0)?" } ?? ""
      }
      throw HardwareError("\(name) must be one of \(known.joined(separator: ", "))" + given)
    }
    hardware[keyPath: path] = choice
  } get: {
    .text($0[keyPath: path].rawValue)
  }
}

private func tierList(_ name: String) -> HardwareKey {
  HardwareKey(name: name, scope: .tiers) { hardware, value throws(HardwareError) in
    guard case .tiers(let tiers) = value else {
      throw HardwareError(
        "\(name) is a list of memories in a file; to change one's figure, set NAME.KEY")
    }
    hardware.tiers = try tiers.map { tier throws(HardwareError) in try MemoryTier(tier.values) }
  } get: {
    .tiers($0.tiers)
  }
}

private func whole(
  _ name: String, _ path: Writable<Int>, _ bounds: ClosedRange<Int>
) -> HardwareKey {
  HardwareKey(name: name, scope: .everywhere) { hardware, value throws(HardwareError) in
    let wanted = "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)"
    let number = try number(value, name, wanted) {
      $0 == $0.rounded() && $0 >= Double(bounds.lowerBound) && $0 <= Double(bounds.upperBound)
    }
    hardware[keyPath: path] = Int(number)
  } get: {
    .number(Double($0[keyPath: path]))
  }
}

private func real(
  _ name: String, _ path: Writable<Double>, _ bounds: ClosedRange<Double>,
  _ scope: HardwareKey.Scope = .everywhere
) -> HardwareKey {
  HardwareKey(name: name, scope: scope) { hardware, value throws(HardwareError) in
    hardware[keyPath: path] = try checkedNumber(value, name, within: bounds)
  } get: {
    .number($0[keyPath: path])
  }
}

/// A number of a file, held against its bounds.
func checkedNumber(
  _ value: HardwareValue, _ name: String, within bounds: ClosedRange<Double>
) throws(HardwareError) -> Double {
  try number(
    value, name, "a number from \(short(bounds.lowerBound)) to \(short(bounds.upperBound))",
    bounds.contains)
}

/// A bound as people write it: 1, not 1.0.
private func short(_ bound: Double) -> String {
  guard let whole = Int(exactly: bound), whole < 1_000_000 else { return "\(bound)" }
  return "\(whole)"
}

private func number(
  _ value: HardwareValue, _ name: String, _ wanted: String, _ isValid: (Double) -> Bool
) throws(HardwareError) -> Double {
  guard case .number(let number) = try plain(value, name, wanted) else {
    throw HardwareError("\(name) must be \(wanted), not a text")
  }
  guard number.isFinite, isValid(number) else {
    throw HardwareError("\(name) must be \(wanted), not \(number)")
  }
  return number
}

/// A text with a unit as the number that it is, under keys that have one; anything else as it is.
private func plain(
  _ value: HardwareValue, _ name: String, _ wanted: String
) throws(HardwareError) -> HardwareValue {
  guard case .text(let text) = value, let unit = QuantityUnit(ofKey: name) else { return value }
  guard let number = unit.value(of: text) else {
    throw HardwareError(
      "\(name) must be \(wanted), or a text with a unit such as \(unit.example), not '\(text)'")
  }
  return .number(number)
}
