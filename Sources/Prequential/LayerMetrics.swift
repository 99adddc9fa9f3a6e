import Counting
import Forecast
import RoutingTrace

/// How well one predictor forecast one MoE layer: events, ranks of the chosen experts and log loss,
/// by stage.
///
/// Everything is an integer, so that metrics of shards add up to the same bytes in any order.
public struct LayerMetrics: Hashable, Sendable {
  /// Experts ranked.
  public let experts: Int
  /// `[stage]`: events scored (`RoutingTrace/Stage` raw value).
  public private(set) var events: [UInt64]
  /// `[stage * experts + rank]`: chosen experts that stood at that rank.
  public private(set) var ranks: [UInt64]
  /// `[stage]`: log loss of all events, see `Forecast/LossSteps`.
  public private(set) var lossSteps: [UInt64]

  /// The metrics of a predictor none of whose forecasts was scored yet.
  public init(experts: Int) {
    self.experts = experts
    events = [0, 0]
    ranks = [UInt64](repeating: 0, count: 2 * experts)
    lossSteps = [0, 0]
  }

  /// Bytes that the metrics of one predictor and layer take.
  static func bytes(experts: Int) -> Int { 16 * experts }

  /// Metrics with known sums, such as a checkpoint holds; nil where the lengths do not fit each
  /// other.
  public init?(events: [UInt64], ranks: [UInt64], lossSteps: [UInt64]) {
    guard events.count == 2, lossSteps.count == 2, ranks.count % 2 == 0 else { return nil }
    experts = ranks.count / 2
    self.events = events
    self.ranks = ranks
    self.lossSteps = lossSteps
  }

  /// Forgets what was scored.
  mutating func clear() {
    for stage in events.indices { (events[stage], lossSteps[stage]) = (0, 0) }
    for rank in ranks.indices { ranks[rank] = 0 }
  }

  /// Scores a forecast against what was chosen; an event without a choice counts for nothing.
  ///
  /// The log loss is `-(1/K) sum over the chosen of log2 p`, in bits.
  ///
  /// - Parameters:
  ///   - probabilities: the forecast, one value an expert.
  ///   - event: the event that was forecast.
  /// - Complexity: O(K E).
  public mutating func score(
    _ probabilities: UnsafeMutableBufferPointer<Double>, _ event: Event
  ) {
    let chosen = event.chosen
    guard chosen.count > 0 else { return }
    let stage = event.stage
    let experts = experts
    ranks.withUnsafeMutableBufferPointer { ranks in
      let own = UnsafeMutableBufferPointer(
        rebasing: ranks[stage * experts..<(stage + 1) * experts])
      Ranking.count(chosen, by: probabilities, in: own)
    }
    events[stage] += 1
    lossSteps[stage] += LossSteps.of(bits: -chosen.meanLog2(of: probabilities))
  }

  /// Adds what a predictor came to in a tally of as many experts.
  mutating func add(_ tally: borrowing ScoreTally, predictor: Int) {
    for stage in 0..<2 {
      tally.withSums(predictor: predictor, stage: stage) { events, lossSteps, ranks in
        self.events[stage] += events
        self.lossSteps[stage] += lossSteps
        for rank in 0..<experts { self.ranks[stage * experts + rank] += ranks[rank] }
      }
    }
  }

  /// Adds the metrics of another shard, or another layer, of as many experts.
  ///
  /// - Complexity: O(E).
  public mutating func add(_ other: LayerMetrics) {
    precondition(experts == other.experts)
    for stage in 0..<2 {
      events[stage] += other.events[stage]
      lossSteps[stage] += other.lossSteps[stage]
    }
    for rank in ranks.indices { ranks[rank] += other.ranks[rank] }
  }

  /// The sums of `stages` as one set of figures.
  ///
  /// - Complexity: O(E) for each stage.
  public func score(of stages: some Sequence<Stage>) -> Score {
    var score = Score()
    for stage in stages {
      let at = Int(stage.rawValue)
      score.events += events[at]
      score.lossSteps += lossSteps[at]
      let own = ranks[at * experts..<(at + 1) * experts]
      if score.ranks.isEmpty {
        score.ranks = Array(own)
      } else {
        for (rank, count) in own.enumerated() { score.ranks[rank] += count }
      }
    }
    return score
  }
}

/// Sums over events from which recall and log loss follow; sums of several layers or shards add up.
///
/// ```swift
/// let score = learner.score(of: 0, stages: [.decode])
/// if let recall = score.recall(at: 8), let loss = score.logLossBits { print(recall, loss) }
/// ```
public struct Score: Hashable, Sendable {
  /// Events scored.
  public var events: UInt64 = 0
  /// `[rank]`: chosen experts that stood at that rank, 0 being the most probable; one value an
  /// expert, or empty where nothing was added.
  public var ranks: [UInt64] = []
  /// Log loss of all events, in `Forecast/LossSteps`.
  public var lossSteps: UInt64 = 0

  /// The sums of no events.
  public init() {}

  /// Experts chosen in all events: top-k for each full one.
  public var chosen: UInt64 { ranks.reduce(0, +) }

  /// Chosen experts that stood among the `n` best ranked.
  public func hits(at n: Int) -> UInt64 { ranks.prefix(n).reduce(0, +) }

  /// Recall@n: the share of the chosen experts that stood among the `n` best ranked, 0 to 1; nil
  /// where nothing was scored.
  public func recall(at n: Int) -> Double? {
    let chosen = chosen
    return chosen == 0 ? nil : Double(hits(at: n)) / Double(chosen)
  }

  /// The mean over events of `-(1/K) sum over the chosen of log2 p`, in bits; nil where nothing was
  /// scored.
  public var logLossBits: Double? {
    events == 0 ? nil : Double(lossSteps) / LossSteps.perBit / Double(events)
  }

  /// Adds the sums of another layer or shard of as many experts.
  ///
  /// - Complexity: O(E).
  public mutating func add(_ other: Score) {
    events += other.events
    lossSteps += other.lossSteps
    if ranks.isEmpty {
      ranks = other.ranks
    } else {
      for (rank, count) in other.ranks.enumerated() { ranks[rank] += count }
    }
  }
}
