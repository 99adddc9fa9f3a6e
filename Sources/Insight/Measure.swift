/// What is measured of a MoE layer: the six observations of the paper (section "What it measured"), and
/// beside each what popularity or chance alone would give.
///
/// The raw values are the keys of `analyze --json`. Shares are from 0 to 1.
public enum Measure: String, CaseIterable, Hashable, Sendable, Encodable, CodingKeyRepresentable {
  // 1: layer to layer.
  case nextLayerTop = "next_layer_top20"
  case nextLayerTopByChance = "next_layer_top20_by_chance"
  case nextLayerTopOfAll = "next_layer_top20_all"
  case nextLayerTopOfAllByChance = "next_layer_top20_all_by_chance"
  // 2: token to token.
  case nextTokenTop = "next_token_top20"
  case nextTokenTopByChance = "next_token_top20_by_chance"
  case nextTokenTopOfAll = "next_token_top20_all"
  case nextTokenTopOfAllByChance = "next_token_top20_all_by_chance"
  case sameExpert = "same_expert"
  case sameExpertByPopularity = "same_expert_by_popularity"
  // 3: prefill to decode.
  case stagesFrequencyRank = "stages_frequency_rank"
  case stagesNextLayerRank = "stages_next_layer_rank"
  case stagesNextTokenRank = "stages_next_token_rank"
  case stagesTop5Shared = "stages_top5_shared"
  case stagesTop10Shared = "stages_top10_shared"
  case stagesTop20Shared = "stages_top20_shared"
  case stagesTop5Covered = "stages_top5_covered"
  case stagesTop10Covered = "stages_top10_covered"
  case stagesTop20Covered = "stages_top20_covered"
  // 4: single experts.
  case mostUsedOverMean = "most_used_over_mean"
  case popularTop = "popular_top20"
  case effectiveExperts = "effective_experts"
  case unusedExperts = "unused_experts"
  // 5: pairs.
  case pairOverMean = "pair_over_mean"
  case pairsTop = "pairs_top10"
  case pairsTopByPopularity = "pairs_top10_by_popularity"
  // 6: tasks.
  case tasksTop10Shared = "tasks_top10_shared"
  case taskTop = "task_top20"
  case taskTopByChance = "task_top20_by_chance"

  /// The observation it belongs to, 1 to 6.
  public var observation: Int {
    switch self {
    case .nextLayerTop, .nextLayerTopByChance, .nextLayerTopOfAll, .nextLayerTopOfAllByChance: 1
    case .nextTokenTop, .nextTokenTopByChance, .nextTokenTopOfAll, .nextTokenTopOfAllByChance,
      .sameExpert, .sameExpertByPopularity:
      2
    case .stagesFrequencyRank, .stagesNextLayerRank, .stagesNextTokenRank, .stagesTop5Shared,
      .stagesTop10Shared, .stagesTop20Shared, .stagesTop5Covered, .stagesTop10Covered,
      .stagesTop20Covered:
      3
    case .mostUsedOverMean, .popularTop, .effectiveExperts, .unusedExperts: 4
    case .pairOverMean, .pairsTop, .pairsTopByPopularity: 5
    case .tasksTop10Shared, .taskTop, .taskTopByChance: 6
    }
  }

  /// What it says, for people.
  public var title: String {
    switch self {
    case .nextLayerTop: "on the top 20 % after the most used expert"
    case .nextTokenTop: "on the top 20 % after the most used expert"
    case .nextLayerTopOfAll, .nextTokenTopOfAll: "the same after any expert"
    case .nextLayerTopByChance, .nextLayerTopOfAllByChance, .nextTokenTopByChance,
      .nextTokenTopOfAllByChance, .taskTopByChance:
      "  were it popularity alone"
    case .sameExpert: "the same expert again"
    case .sameExpertByPopularity, .pairsTopByPopularity: "  were it popularity alone"
    case .stagesFrequencyRank: "rank correlation of frequencies"
    case .stagesNextLayerRank: "rank correlation, layer to layer"
    case .stagesNextTokenRank: "rank correlation, token to token"
    case .stagesTop5Shared: "the top 5 in common"
    case .stagesTop10Shared: "the top 10 in common"
    case .stagesTop20Shared: "the top 20 in common"
    case .stagesTop5Covered: "decode on prefill's top 5"
    case .stagesTop10Covered: "decode on prefill's top 10"
    case .stagesTop20Covered: "decode on prefill's top 20"
    case .mostUsedOverMean: "the most used over the mean"
    case .popularTop: "on the top 20 % of the layer"
    case .effectiveExperts: "effective experts, 2^entropy"
    case .unusedExperts: "experts never chosen"
    case .pairOverMean: "the most frequent pair over the mean"
    case .pairsTop: "on the top 10 % of pairs"
    case .tasksTop10Shared: "the top 10 in common, two tasks"
    case .taskTop: "on the task's own top 20 %"
    }
  }

  /// What its values are.
  public enum Unit: Sendable {
    /// From 0 to 1.
    case share
    /// From -1 to 1.
    case correlation
    /// How many times something.
    case ratio
    /// How many experts.
    case experts
  }

  /// What its values are.
  public var unit: Unit {
    switch self {
    case .stagesFrequencyRank, .stagesNextLayerRank, .stagesNextTokenRank: .correlation
    case .mostUsedOverMean, .pairOverMean: .ratio
    case .effectiveExperts, .unusedExperts: .experts
    default: .share
    }
  }

  /// The observations' names, from 1.
  public static let observations = [
    "layer to layer", "token to token", "prefill to decode", "single experts", "pairs", "tasks",
  ]
}
