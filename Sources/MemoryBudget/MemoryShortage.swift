/// What takes how much memory, and what takes less.
public struct MemoryDemand: Hashable, Sendable {
  /// What it is for, in the plural: `the tables of layer-markov`.
  public var purpose: String
  /// Bytes that it takes at its most.
  public var bytes: Int
  /// What to do instead, and the bytes that it takes then.
  public var alternatives: [Alternative]

  /// Something that does with less.
  public struct Alternative: Hashable, Sendable {
    /// As an advice: `use --predictor frequency`.
    public var advice: String
    public var bytes: Int

    public init(_ advice: String, bytes: Int) {
      self.advice = advice
      self.bytes = bytes
    }
  }

  public init(_ purpose: String, bytes: Int, alternatives: [Alternative] = []) {
    self.purpose = purpose
    self.bytes = bytes
    self.alternatives = alternatives
  }
}

/// More memory would be needed than there is. Nothing has been allocated yet.
public struct MemoryShortage: Error, Hashable, CustomStringConvertible {
  public var demand: MemoryDemand
  public var available: AvailableMemory

  /// What is wrong, with both sizes.
  public var problem: String {
    "\(demand.purpose) take \(Self.gigabytes(demand.bytes)), "
      + "\(available.bound) leaves \(Self.gigabytes(available.bytes ?? 0))"
  }

  /// What can be done; only what would help is named.
  public var remedy: String {
    let bytes = available.bytes ?? 0
    let helping = demand.alternatives.filter { $0.bytes <= bytes }.map {
      "\($0.advice) (\(Self.gigabytes($0.bytes)))"
    }
    return (helping + ["raise the limit, or use a machine with more memory"]).joined(
      separator: ", ")
  }

  public var description: String { "\(problem); \(remedy)" }

  /// Bytes for people, rounded up in the last of two digits: `4.3 GB`.
  private static func gigabytes(_ bytes: Int) -> String {
    let (unit, name) =
      bytes >= 1_000_000_000_000
      ? (1_000_000_000_000, "TB")
      : bytes >= 1_000_000_000 ? (1_000_000_000, "GB") : (1_000_000, "MB")
    guard bytes < 10 * unit else { return "\((bytes + unit - 1) / unit) \(name)" }
    let tenths = (bytes + unit / 10 - 1) / (unit / 10)
    return "\(tenths / 10).\(tenths % 10) \(name)"
  }
}

extension AvailableMemory {
  /// Whether `demand` can be met.
  ///
  /// - Throws: ``MemoryShortage``.
  public func check(_ demand: MemoryDemand) throws(MemoryShortage) {
    guard let bytes, demand.bytes > bytes else { return }
    throw MemoryShortage(demand: demand, available: self)
  }
}
