import Wafer

/// A sweep's rows held against what the paper reports (arXiv 2510.05497, case study 1).
///
/// Ratios of throughput are means over configurations, as the paper's; ratios of hops are of their
/// sums, since a configuration without any hop has no ratio.
public struct PaperComparison: Sendable {
  /// One number of the paper.
  public struct Number: Hashable, Sendable {
    /// What it is of.
    public let what: String
    /// As the paper reports it; the middle where it gives a range.
    public let paper: Double
    /// As the rows have it; nil where they lack a configuration that it needs.
    public let own: Double?

    /// How far ours is from the paper's, as a share of it; nil without ours.
    public var error: Double? { own.map { $0 / paper - 1 } }
  }

  /// The systems of the paper's means.
  public static let wafers = ["dojo", "sow"]
  /// The paper's models.
  public static let models = ["deepseek-v3", "kimi-k2", "llama-4-maverick", "qwen3-235b-a22b"]
  /// The paper's batch sizes.
  public static let batches = [4096, 8192, 16384]
  /// The system on which planning by the host is shown beside Dojo.
  public static let enhanced = "dojo-enhanced"

  private typealias Configured = (system: String, row: Sweep.Row)
  private let rows: [Configured]

  /// - Parameters:
  ///   - rows: of a sweep.
  ///   - systems: the names of its systems, in their order.
  public init(_ rows: [Sweep.Row], systems: [String]) {
    self.rows = rows.map { (systems[$0.system], $0) }
  }

  /// All numbers, in the paper's order.
  ///
  /// - Complexity: O(numbers x rows^2).
  public var numbers: [Number] {
    let both = Strategy.allocationAndPrediction
    let perModel = zip(Self.models, [7.0, 8.2, 7.3, 4.1]).map { model, paper in
      Number(
        what: "Allo+Pred over Base, \(model)", paper: paper,
        own: throughput(both, over: .base) { $0.row.model == model })
    }
    let perSystem = zip(Self.wafers, [6.0, 7.5]).map { system, paper in
      Number(
        what: "Allo+Pred over Base, \(system)", paper: paper,
        own: throughput(both, over: .base) { $0.system == system })
    }
    let beside = zip([4096, 16384], [1.0, 1.44]).map { batch, paper in
      Number(
        what: "Allo+Pred over EP, batch \(batch)", paper: paper,
        own: throughput(both, over: .expertParallel) { $0.row.batch == batch })
    }
    return perModel + [
      Number(what: "Allo+Pred over Base, mean", paper: 6.63, own: throughput(both, over: .base))
    ] + perSystem + [
      Number(
        what: "Allo only over Base", paper: 6.3, own: throughput(.allocation, over: .base)),
      Number(what: "Pred only over Base", paper: 3.0, own: throughput(.prediction, over: .base)),
      Number(what: "hops of Base over Allo only", paper: 142, own: hops(.allocation)),
      Number(what: "hops of Base over Pred only", paper: 4.5, own: hops(.prediction)),
      Number(what: "hops of Base over Allo+Pred", paper: 213, own: hops(both)),
    ] + beside + [
      host("dojo", "deepseek-v3", 0.055), host("dojo", "qwen3-235b-a22b", 0.125),
      host(Self.enhanced, "deepseek-v3", 0.215), host(Self.enhanced, "qwen3-235b-a22b", 0.47),
    ]
  }

  /// Every row of a strategy on the paper's wafers, with that of another of the same configuration.
  private func pairs(
    _ strategy: Strategy, _ other: Strategy
  ) -> [(own: Configured, other: Configured)] {
    let others = rows.filter { $0.row.strategy == other.rawValue }
    return rows.filter {
      $0.row.strategy == strategy.rawValue && Self.wafers.contains($0.system)
    }.compactMap { own in
      others.first { $0.row.isConfigured(as: own.row) }.map { (own, $0) }
    }
  }

  private func throughput(
    _ strategy: Strategy, over other: Strategy,
    where isMeant: (Configured) -> Bool = { _ in true }
  ) -> Double? {
    let ratios = pairs(strategy, other).filter { isMeant($0.own) }.map {
      $0.own.row.tokensPerSecond / $0.other.row.tokensPerSecond
    }
    return ratios.isEmpty ? nil : ratios.reduce(0, +) / Double(ratios.count)
  }

  private func hops(_ strategy: Strategy) -> Double? {
    let pairs = pairs(strategy, .base)
    let own = pairs.reduce(0) { $0 + $1.own.row.hops }
    return own > 0 ? pairs.reduce(0) { $0 + $1.other.row.hops } / own : nil
  }

  private func host(_ system: String, _ model: String, _ paper: Double) -> Number {
    let shares = rows.filter {
      $0.system == system && $0.row.model == model
        && $0.row.strategy == Strategy.allocationAndPrediction.rawValue
    }.compactMap(\.row.hostOverhead)
    return Number(
      what: "time added by planning on the host, \(system), \(model)", paper: paper,
      own: shares.isEmpty ? nil : shares.reduce(0, +) / Double(shares.count))
  }
}
