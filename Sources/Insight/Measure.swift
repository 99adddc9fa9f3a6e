/// What is measured of a MoE layer: the six observations of the paper (section "What it measured"),
/// and beside each what popularity or chance alone would give.
///
/// The raw values are the keys of `analyze --json`. Shares are from 0 to 1; "top 20 %" is the fifth
/// of the experts with the largest counts.
public enum Measure: String, CaseIterable, Hashable, Sendable, Encodable, CodingKeyRepresentable {
  // 1: layer to layer.
  /// Of what follows the layer before's most used expert, the share on its top 20 %.
  case nextLayerTop = "next_layer_top20"
  /// ``nextLayerTop`` were the row filled by popularity alone.
  case nextLayerTopByChance = "next_layer_top20_by_chance"
  /// Of what follows any expert of the layer before, the share on that expert's top 20 %, experts
  /// weighing by their choices.
  case nextLayerTopOfAll = "next_layer_top20_all"
  /// ``nextLayerTopOfAll`` were the rows filled by popularity alone.
  case nextLayerTopOfAllByChance = "next_layer_top20_all_by_chance"
  // 2: token to token.
  /// Of what follows this layer's most used expert at the next token, the share on its top 20 %.
  case nextTokenTop = "next_token_top20"
  /// ``nextTokenTop`` were the row filled by popularity alone.
  case nextTokenTopByChance = "next_token_top20_by_chance"
  /// Of what follows any expert at the next token, the share on that expert's top 20 %, experts
  /// weighing by their choices.
  case nextTokenTopOfAll = "next_token_top20_all"
  /// ``nextTokenTopOfAll`` were the rows filled by popularity alone.
  case nextTokenTopOfAllByChance = "next_token_top20_all_by_chance"
  /// The share of choices that the request's previous token made too.
  case sameExpert = "same_expert"
  /// ``sameExpert`` were both tokens' experts drawn by popularity alone.
  case sameExpertByPopularity = "same_expert_by_popularity"
  // 3: prefill to decode.
  /// Rank correlation (Spearman) of the experts' frequencies in prefill and decode.
  case stagesFrequencyRank = "stages_frequency_rank"
  /// Rank correlation of the cells of P(j | i) from layer to layer in prefill and decode.
  case stagesNextLayerRank = "stages_next_layer_rank"
  /// Rank correlation of the cells of P(j | i) from token to token in prefill and decode.
  case stagesNextTokenRank = "stages_next_token_rank"
  /// The share of decode's 5 most used experts that are among prefill's 5.
  case stagesTop5Shared = "stages_top5_shared"
  /// The share of decode's 10 most used experts that are among prefill's 10.
  case stagesTop10Shared = "stages_top10_shared"
  /// The share of decode's 20 most used experts that are among prefill's 20.
  case stagesTop20Shared = "stages_top20_shared"
  /// The share of decode's choices that fall on prefill's 5 most used experts.
  case stagesTop5Covered = "stages_top5_covered"
  /// The share of decode's choices that fall on prefill's 10 most used experts.
  case stagesTop10Covered = "stages_top10_covered"
  /// The share of decode's choices that fall on prefill's 20 most used experts.
  case stagesTop20Covered = "stages_top20_covered"
  // 4: single experts.
  /// How many times the mean the most used expert is chosen.
  case mostUsedOverMean = "most_used_over_mean"
  /// The share of the layer's choices on its top 20 %.
  case popularTop = "popular_top20"
  /// How many experts chosen evenly would have the entropy of the frequencies: 2^entropy.
  case effectiveExperts = "effective_experts"
  /// Experts that were never chosen.
  case unusedExperts = "unused_experts"
  /// Gini coefficient of the experts' frequencies: 0 where all are used alike, near 1 where one is
  /// used alone.
  case gini
  // 5: pairs.
  /// How many times the mean of all pairs the most frequent pair is chosen together.
  case pairOverMean = "pair_over_mean"
  /// The share of all pairs chosen together that lies on the most frequent 10 % of them.
  case pairsTop = "pairs_top10"
  /// ``pairsTop`` were experts chosen independently, by popularity alone.
  case pairsTopByPopularity = "pairs_top10_by_popularity"
  // 6: tasks.
  /// The share of their 10 most used experts that two tasks have in common, the mean over all two.
  case tasksTop10Shared = "tasks_top10_shared"
  /// The share of a task's choices on the task's own top 20 %.
  case taskTop = "task_top20"
  /// ``taskTop`` were the tasks' choices drawn by the popularity over all tasks.
  case taskTopByChance = "task_top20_by_chance"

  /// The observation of the paper it belongs to, 1 to 6.
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
    case .mostUsedOverMean, .popularTop, .effectiveExperts, .unusedExperts, .gini: 4
    case .pairOverMean, .pairsTop, .pairsTopByPopularity: 5
    case .tasksTop10Shared, .taskTop, .taskTopByChance: 6
    }
  }

  /// What it says, in a few words for tables; a value by chance is indented below its own.
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
    case .gini: "Gini coefficient"
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
    /// From 0 to 1, and no share of anything.
    case coefficient
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
    case .gini: .coefficient
    default: .share
    }
  }

  /// The names of the six observations, the first at index 0.
  public static let observations = [
    "layer to layer", "token to token", "prefill to decode", "single experts", "pairs", "tasks",
  ]
}
