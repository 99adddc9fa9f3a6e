/// What takes how much memory, and what would do with less: asked for before anything is allocated
/// (``AvailableMemory/check(_:)``).
///
/// ```swift
/// let demand = MemoryDemand(
///   "the tables of mixture", bytes: 3 << 30,
///   alternatives: [.init("--predictors mixture-fast", bytes: 1 << 30)])
/// ```
public struct MemoryDemand: Hashable, Sendable {
  /// What it is for, in the plural: `the tables of layer-markov`.
  public var purpose: String
  /// Bytes that it takes at its most.
  public var bytes: Int
  /// What to do instead, and the bytes that it takes then.
  public var alternatives: [Alternative]

  /// Something that does with less.
  public struct Alternative: Hashable, Sendable {
    /// What to use, as a user writes it: `--predictors frequency`.
    public var advice: String
    /// What it takes, in bytes.
    public var bytes: Int

    /// Advice that needs `bytes`.
    public init(_ advice: String, bytes: Int) {
      self.advice = advice
      self.bytes = bytes
    }
  }

  /// `bytes` at most for `purpose`.
  public init(_ purpose: String, bytes: Int, alternatives: [Alternative] = []) {
    self.purpose = purpose
    self.bytes = bytes
    self.alternatives = alternatives
  }
}

/// More memory would be needed than there is. Nothing has been allocated yet, so the program can
/// say so and end.
public struct MemoryShortage: Error, Hashable, CustomStringConvertible {
  /// What was asked for.
  public var demand: MemoryDemand
  /// What there is.
  public var available: AvailableMemory

  /// What is wrong, with both sizes.
  public var problem: String {
    "\(demand.purpose) take \(Self.text(demand.bytes)); "
      + "\(available.bound) leaves \(Self.text(available.bytes ?? 0, roundsUp: false))"
  }

  /// What can be done; only what would help is named.
  public var remedy: String {
    let helping = demand.alternatives.filter { $0.bytes <= available.bytes ?? 0 }
      .map { "\($0.advice) (\(Self.text($0.bytes)))" }
    let use = helping.isEmpty ? "" : "use " + helping.joined(separator: " or ") + ", or "
    return use + "raise the limit or take a machine with more memory"
  }

  /// One line: the problem, what to do.
  public var description: String { "\(problem); \(remedy)" }

  /// Bytes for people, two digits of them at least: `4.3 GB`.
  private static func text(_ bytes: Int, roundsUp: Bool = true) -> String {
    let (unit, name) =
      switch bytes {
      case 1_000_000_000_000...: (1_000_000_000_000, "TB")
      case 1_000_000_000...: (1_000_000_000, "GB")
      default: (1_000_000, "MB")
      }
    func whole(_ unit: Int) -> Int { (bytes + (roundsUp ? unit - 1 : 0)) / unit }
    guard bytes < 10 * unit else { return "\(whole(unit)) \(name)" }
    let tenths = whole(unit / 10)
    return "\(tenths / 10).\(tenths % 10) \(name)"
  }
}

extension AvailableMemory {
  /// Throws unless `demand` can be met.
  ///
  /// - Throws: ``MemoryShortage`` with both sizes and what would help.
  public func check(_ demand: MemoryDemand) throws(MemoryShortage) {
    guard let bytes, demand.bytes > bytes else { return }
    throw MemoryShortage(demand: demand, available: self)
  }
}
