import Counting
import Glibc

/// Reads the observations of one MoE layer from its counts;
/// ``TraceAnalysis/observations(workers:)`` makes one for each layer.
struct LayerObservation {
  /// The share of a layer's experts that counts as its top (paper, observations 1 and 2).
  static let topExperts = 0.2
  /// The share of a layer's pairs that counts as their top (paper, observation 5).
  static let topPairs = 0.1

  /// What was counted.
  private let tally: LayerTally
  /// Experts of the layer (E).
  private let experts: Int
  /// Experts in the top 20 %.
  private let top: Int
  /// The counts of prefill's tokens.
  private let prefill: ScopedCounts
  /// The counts of decode's tokens.
  private let decode: ScopedCounts
  /// The counts of all tokens.
  private let all: ScopedCounts
  /// The seed of what is drawn.
  private let seed: UInt64

  /// - Parameters:
  ///   - before: the layer before, nil for the first.
  ///   - seed: of what is drawn.
  init(_ tally: LayerTally, before: LayerTally?, seed: UInt64) {
    self.tally = tally
    self.seed = seed
    experts = tally.pairs.experts
    top = Concentration.top(Self.topExperts, of: experts)
    prefill = ScopedCounts(tally, before: before, in: .prefill)
    decode = ScopedCounts(tally, before: before, in: .decode)
    all = ScopedCounts(tally, before: before, in: .all)
  }

  /// The layer's figures under its number in the model.
  func layer(modelLayer: Int) -> Observations.Layer {
    let pairs = tally.pairs.counts
    var figures: [Scope: [Measure: Double]] = [:]
    for (scope, tables) in [(Scope.prefill, prefill), (.decode, decode), (.all, all)]
    where tables.choices > 0 {
      figures[scope] = [:]
      figures[scope]?.add(relations(tables))
      figures[scope]?.add(popularity(tables))
    }
    figures[.all]?.add(stages())
    figures[.all]?.add(self.pairs(pairs))
    figures[.all]?.add(tasks())
    let meanPair = pairs.reduce(0) { $0 + Double($1) } / Double(max(1, pairs.count))
    return Observations.Layer(
      layer: modelLayer, figures: figures,
      topExperts: Concentration.members(10, of: all.frequency).map {
        .init(expert: $0, share: Double(all.frequency[$0]) / all.choices)
      },
      topPairs: Concentration.members(10, of: pairs).map {
        .init(experts: PairCounts.experts(ofPair: $0), overMean: Double(pairs[$0]) / meanPair)
      })
  }

  /// Observations 1 and 2: what follows an expert, from layer to layer and token to token.
  private func relations(_ tables: ScopedCounts) -> [Measure: Double?] {
    var chance = ChanceShare(
      popularity: tables.frequency.map(Double.init), top: top, seed: seed)
    let layers = RelationFigures(
      pairs: tables.layerPairs, given: tables.frequencyBefore, top: top, chance: &chance)
    let tokens = RelationFigures(
      pairs: tables.tokenPairs, given: tables.frequency, top: top, chance: &chance)
    let again = (0..<experts).reduce(0) { $0 + Double(tables.tokenPairs[$1 * (experts + 1)]) }
    return [
      .nextLayerTop: layers.mostUsed, .nextLayerTopByChance: layers.mostUsedByChance,
      .nextLayerTopOfAll: layers.all, .nextLayerTopOfAllByChance: layers.allByChance,
      .nextTokenTop: tokens.mostUsed, .nextTokenTopByChance: tokens.mostUsedByChance,
      .nextTokenTopOfAll: tokens.all, .nextTokenTopOfAllByChance: tokens.allByChance,
      .sameExpert: tables.following > 0 ? again / Double(tables.following) : nil,
      .sameExpertByPopularity: tables.following > 0 ? sameByPopularity(tables) : nil,
    ]
  }

  /// The share of choices that the token before would have made too, were both made by popularity
  /// alone.
  private func sameByPopularity(_ tables: ScopedCounts) -> Double {
    tables.frequency.reduce(0) { sum, count in
      sum + Double(count) / tables.choices * Double(count) / Double(tables.tokens)
    }
  }

  /// Observation 4: how unevenly experts are used.
  private func popularity(_ tables: ScopedCounts) -> [Measure: Double?] {
    let shares = tables.frequency.map { Double($0) / tables.choices }
    let bits = shares.reduce(0) { $1 > 0 ? $0 - $1 * log2($1) : $0 }
    return [
      .mostUsedOverMean: shares.max().map { $0 * Double(experts) },
      .popularTop: Concentration.share(ofTop: top, in: tables.frequency),
      .effectiveExperts: exp2(bits),
      .unusedExperts: Double(shares.count { $0 == 0 }),
      .gini: Concentration.gini(of: tables.frequency),
    ]
  }

  /// Observation 3: how far prefill tells of decode.
  private func stages() -> [Measure: Double?] {
    guard prefill.choices > 0, decode.choices > 0 else { return [:] }
    let stages = StageFigures(prefill: prefill, decode: decode)
    return [
      .stagesFrequencyRank: stages.frequencyRank,
      .stagesNextLayerRank: stages.heatmapRank(\.layerPairs),
      .stagesNextTokenRank: stages.heatmapRank(\.tokenPairs),
      .stagesTop5Shared: stages.shared(5), .stagesTop5Covered: stages.covered(5),
      .stagesTop10Shared: stages.shared(10), .stagesTop10Covered: stages.covered(10),
      .stagesTop20Shared: stages.shared(20), .stagesTop20Covered: stages.covered(20),
    ]
  }

  /// Observation 5: which experts are chosen together.
  private func pairs(_ counts: [UInt32]) -> [Measure: Double?] {
    let total = counts.reduce(0) { $0 + Double($1) }
    guard total > 0, let largest = counts.max() else { return [:] }
    let top = Concentration.top(Self.topPairs, of: counts.count)
    let popularity = all.frequency.map(Double.init)
    let products = (0..<experts).flatMap { second in
      (0..<second).map { popularity[$0] * popularity[second] }
    }
    var chance = ChanceShare(popularity: products, top: top, seed: seed)
    return [
      .pairOverMean: Double(largest) / total * Double(counts.count),
      .pairsTop: Concentration.share(ofTop: top, in: counts),
      .pairsTopByPopularity: chance.share(ofSum: total),
    ]
  }

  /// Observation 6: how far a task tells which experts it uses.
  private func tasks() -> [Measure: Double?] {
    let tasks = tally.tasks.map(\.frequency).filter { $0.contains { $0 > 0 } }
    guard tasks.count > 1 else { return [:] }
    let figures = TaskFigures(tasks, top: top, seed: seed)
    return [
      .tasksTop10Shared: figures.shared(10), .taskTop: figures.ownTop,
      .taskTopByChance: figures.ownTopByChance,
    ]
  }
}

extension [Measure: Double] {
  /// Adds those that could be measured.
  fileprivate mutating func add(_ figures: [Measure: Double?]) {
    for case (let measure, let value?) in figures { self[measure] = value }
  }
}
