/// A value as hardware files and `--set` give it.
public enum HardwareValue: Hashable, Sendable {
  case number(Double)
  case text(String)
}

/// One key of a hardware file: its name with the unit, and the property it sets.
struct HardwareKey: Sendable {
  let name: String
  let set: @Sendable (inout Hardware, HardwareValue) throws(HardwareError) -> Void
}

extension Hardware {
  /// The keys of hardware files and of `--set`, in the order of the shipped files.
  public static var keys: [String] { table.map(\.name) }

  /// Sets the property that `key` names.
  ///
  /// - Throws: ``HardwareError`` for an unknown key (naming near ones), a value of the wrong kind
  ///   or
  ///   outside its bounds.
  public mutating func set(_ key: String, to value: HardwareValue) throws(HardwareError) {
    guard let entry = Self.table.first(where: { $0.name == key }) else {
      throw HardwareError("'\(key)' is no hardware key" + Self.suggestion(for: key))
    }
    try entry.set(&self, value)
  }

  /// Applies one `key=value` override.
  public mutating func apply(override: String) throws(HardwareError) {
    guard let equals = override.firstIndex(of: "=") else {
      throw HardwareError("'\(override)' is no override; write key=value")
    }
    let text = String(override[override.index(after: equals)...])
    try set(
      String(override[..<equals]), to: Double(text).map(HardwareValue.number) ?? .text(text))
  }

  private static func suggestion(for key: String) -> String {
    let words = Set(key.split(separator: "_"))
    let scored = keys.map { ($0, words.intersection($0.split(separator: "_")).count) }
    guard let best = scored.map(\.1).max(), best > 0 else {
      return "; the keys are " + keys.joined(separator: ", ")
    }
    return "; did you mean "
      + scored.filter { $0.1 == best }.prefix(3).map(\.0).joined(separator: " or ") + "?"
  }

  private static let table: [HardwareKey] = [
    text("name", \.name),
    text("description", \.description),
    choice("topology", \.topology),
    whole("columns", \.columns, 1...64),
    whole("rows", \.rows, 1...64),
    real("compute_flops_per_second", \.computeFlops, above: 0),
    HardwareKey(name: "compute_efficiency") { hardware, value throws(HardwareError) in
      hardware.computeEfficiency = try number(
        value, "compute_efficiency", "above 0 and at most 1"
      ) { $0 > 0 && $0 <= 1 }
    },
    whole("compute_tile_requests", \.computeTileRequests, 1...65536),
    real("hbm_bandwidth_bytes_per_second", \.hbmBandwidth, above: 0),
    real("hbm_capacity_bytes", \.hbmCapacity),
    real("hbm_latency_seconds", \.hbmLatency),
    HardwareKey(name: "hbm_reserved_fraction") { hardware, value throws(HardwareError) in
      hardware.hbmReserved = try number(
        value, "hbm_reserved_fraction", "at least 0 and below 1"
      ) { $0 >= 0 && $0 < 1 }
    },
    real("link_bandwidth_bytes_per_second", \.linkBandwidth, above: 0),
    choice("link_bandwidth_counts", \.linkBandwidthCounts),
    real("link_latency_seconds", \.linkLatency),
    real("llc_capacity_bytes", \.llcCapacity),
    real("llc_hit_seconds", \.llcHit),
    real("llc_miss_seconds", \.llcMiss),
    real("llc_write_seconds", \.llcWrite),
    real("command_bytes", \.commandBytes),
    choice("expert_home", \.expertHome),
    real("host_bandwidth_bytes_per_second", \.hostBandwidth, above: 0),
    real("host_latency_seconds", \.hostLatency),
    real("host_link_bandwidth_bytes_per_second", \.hostLinkBandwidth, above: 0),
    real("host_link_latency_seconds", \.hostLinkLatency),
  ]
}

private typealias Writable<Value> = any WritableKeyPath<Hardware, Value> & Sendable

private func text(_ name: String, _ path: Writable<String>) -> HardwareKey {
  HardwareKey(name: name) { hardware, value throws(HardwareError) in
    guard case .text(let text) = value else { throw HardwareError("\(name) must be a text") }
    hardware[keyPath: path] = text
  }
}

private func choice<Choice>(_ name: String, _ path: Writable<Choice>) -> HardwareKey
where Choice: RawRepresentable<String> & CaseIterable & Sendable {
  HardwareKey(name: name) { hardware, value throws(HardwareError) in
    guard case .text(let text) = value, let choice = Choice(rawValue: text) else {
      let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw HardwareError("\(name) must be one of \(known)")
    }
    hardware[keyPath: path] = choice
  }
}

private func whole(_ name: String, _ path: Writable<Int>, _ bounds: ClosedRange<Int>)
  -> HardwareKey
{
  HardwareKey(name: name) { hardware, value throws(HardwareError) in
    let wanted = "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)"
    let number = try number(value, name, wanted) {
      $0 == $0.rounded() && $0 >= Double(bounds.lowerBound) && $0 <= Double(bounds.upperBound)
    }
    hardware[keyPath: path] = Int(number)
  }
}

private func real(_ name: String, _ path: Writable<Double>, above: Double? = nil) -> HardwareKey {
  HardwareKey(name: name) { hardware, value throws(HardwareError) in
    hardware[keyPath: path] = try number(
      value, name, above == nil ? "a number, at least 0" : "a number above 0"
    ) {
      $0 > (above ?? -.leastNonzeroMagnitude)
    }
  }
}

private func number(
  _ value: HardwareValue, _ name: String, _ wanted: String, _ isValid: (Double) -> Bool
) throws(HardwareError) -> Double {
  guard case .number(let number) = value else {
    throw HardwareError("\(name) must be \(wanted), not a text")
  }
  guard number.isFinite, isValid(number) else {
    throw HardwareError("\(name) must be \(wanted), not \(number)")
  }
  return number
}
