import Chart
import Insight
import RoutingTrace

/// The paper's six observations as figures (its figures 4 to 9), and reuse distances.
public struct ObservationFigures: Sendable {
  let observations: Observations
  private let analysis: TraceAnalysis
  private let distances: ReuseDistances?
  private let lines: LayerLines
  private var shape: TraceShape { observations.shape }

  /// Figures of what was counted in the same chunks.
  ///
  /// - Parameter distances: nil where the chunks were not at hand, only their counts.
  public init(
    _ observations: Observations, _ analysis: TraceAnalysis, _ distances: ReuseDistances?
  ) {
    self.observations = observations
    self.analysis = analysis
    self.distances = distances
    lines = LayerLines(observations: observations)
  }

  /// The section of them all.
  public var section: ReportSection {
    ReportSection(
      "observations", "What is regular in the routing",
      "The paper's six observations, layer by layer. Popularity alone is what a router would reach "
        + "that draws every expert by its share in the layer, with as few tokens as there are.",
      [layers, tokens, stages, experts, pairs, tasks, reuse], choosesLayers: true)
  }

  private var layers: ReportPart {
    ReportPart(
      "1 From layer to layer", "Which experts follow an expert of the layer before.",
      [
        lines.byStage(
          "layer-to-layer", "Choices on the top 20 % of experts after the most used one",
          "After the most used expert of the layer before, how many choices fall on the fifth of "
            + "the experts that follow it most.", .nextLayerTop,
          against: (.nextLayerTopByChance, "popularity alone")),
        map(
          "layer-map", "Next expert given the one of the layer before", .layerToLayer, .all,
          measure: .nextLayerTopOfAll, chance: .nextLayerTopOfAllByChance),
      ], absence: shape.layers < 2 ? "The model has one MoE layer; none follows another." : nothing)
  }

  private var tokens: ReportPart {
    ReportPart(
      "2 From token to token", "Which experts follow an expert in the same layer, one token later.",
      [
        lines.byStage(
          "token-to-token", "Choices on the top 20 % of experts after the most used one",
          "The same from a token to the next one of its request.", .nextTokenTop,
          against: (.nextTokenTopByChance, "popularity alone")),
        map(
          "token-map", "Next expert given the one of the token before", .tokenToToken, .all,
          measure: .nextTokenTopOfAll, chance: .nextTokenTopOfAllByChance),
        lines.byStage(
          "same-expert", "Choices that the token before made too",
          "A bright diagonal in the map: the same expert again.", .sameExpert,
          against: (.sameExpertByPopularity, "popularity alone")),
      ], absence: "No request has two tokens in a row.")
  }

  private var stages: ReportPart {
    ReportPart(
      "3 From prefill to decode", "Whether a prompt's routing tells of that of the answer.",
      [
        lines.figure(
          "stages-rank", "Rank correlation of prefill and decode",
          "Spearman's coefficient; the paper finds 0.7 or more in most layers.",
          [
            .init(name: "frequencies", measure: .stagesFrequencyRank),
            .init(name: "layer to layer", measure: .stagesNextLayerRank, color: 1),
            .init(name: "token to token", measure: .stagesNextTokenRank, color: 2),
          ]),
        lines.figure(
          "stages-covered", "Decode's choices on prefill's most used experts",
          "The paper finds 60, 75 and 90 % on the top 5, 10 and 20.",
          tops([.stagesTop5Covered, .stagesTop10Covered, .stagesTop20Covered])),
        lines.figure(
          "stages-shared", "Most used experts that both stages have",
          "The overlap of the two stages' lists.",
          tops([.stagesTop5Shared, .stagesTop10Shared, .stagesTop20Shared])),
        hasStages ? stageMap(.prefill) : nil, hasStages ? stageMap(.decode) : nil,
      ], absence: "The traces hold tokens of one stage only.")
  }

  /// Lines of a measure's values of the top 5, 10 and 20 experts.
  private func tops(_ measures: [Measure]) -> [LayerLines.Line] {
    zip([5, 10, 20], measures).enumerated().map { color, line in
      .init(name: "top \(line.0)", measure: line.1, color: color)
    }
  }

  private var hasStages: Bool {
    [Scope.prefill, .decode].allSatisfy { observations.tokens[$0, default: 0] > 0 }
  }

  private func stageMap(_ scope: Scope) -> Figure? {
    map(
      "\(scope.rawValue)-map", "Next expert given the one of the layer before, \(scope.rawValue)",
      .layerToLayer, scope, measure: .stagesNextLayerRank, chance: nil)
  }

  private var experts: ReportPart {
    ReportPart(
      "4 Single experts", "How unevenly experts are used.",
      [
        lines.byStage(
          "most-used", "The most used expert over the mean", "The paper finds up to 16 and more.",
          .mostUsedOverMean),
        lines.byStage(
          "gini", "Gini coefficient of the experts' use",
          "0 where all experts are used alike; near 1 where few do all the work.", .gini),
        Figure(
          "popularity-map", "Use of every expert over its layer's mean",
          "Every row is a layer, every column an expert; blue is used less than the mean, orange more.",
          ShadeMap(
            "Use of experts by layer",
            rows: .init(
              "model layer", count: shape.layers, key: "layer", numbers: shape.modelLayers),
            columns: .init("expert", count: shape.experts, key: "expert"),
            value: Axis("times the mean", key: "over_mean", format: .times),
            range: 0...2, isDiverging: true,
            maps: [.init(cells: analysis.popularity(in: .all))], isSquare: false)),
      ])
  }

  private var pairs: ReportPart {
    ReportPart(
      "5 Pairs of experts", "Which experts one token chooses together.",
      [
        lines.figure(
          "pairs-top", "Pairs on the most frequent 10 % of pairs",
          "The paper finds 60 to 80 %.",
          [
            .init(name: "all", measure: .pairsTop),
            .init(
              name: "popularity alone", measure: .pairsTopByPopularity, color: 6, isReference: true),
          ]),
        lines.figure(
          "pair-over-mean", "The most frequent pair over the mean of all pairs",
          "The paper's bright pairs stand at 20 to 40.",
          [.init(name: "all", measure: .pairOverMean)]),
        map(
          "pair-map", "Pairs chosen together over the mean of all", .pairs, .all,
          measure: .pairOverMean, chance: nil),
      ], absence: "A token of this model chooses one expert a layer; there are no pairs.")
  }

  private var tasks: ReportPart {
    let overlaps = analysis.taskOverlaps()
    return ReportPart(
      "6 Tasks", "Whether a task, known before serving, tells which experts it will use.",
      [
        lines.figure(
          "task-top", "Choices on the top 20 % of experts of the token's own task",
          "Against tasks as large, drawn from the popularity over all tasks.",
          [
            .init(name: "own task", measure: .taskTop),
            .init(name: "popularity alone", measure: .taskTopByChance, color: 6, isReference: true),
          ]),
        overlaps.map { names, shares in
          Figure(
            "task-overlap", "Most used experts that two tasks have in common",
            "Of ten a layer, the mean over layers; the \(names.count) tasks with the most tokens.",
            ShadeMap(
              "Overlap of tasks",
              rows: .init("task", count: names.count, key: "task", names: names),
              columns: .init(
                "the other, in the same order", count: names.count, key: "other_task", names: names),
              value: Axis("in common (%)", key: "share", format: .percent), range: 0...1,
              maps: [.init(cells: shares)]))
        },
      ], absence: "The traces name fewer than two tasks.")
  }

  private var reuse: ReportPart {
    let chances = analysis.chancesOfChoice
    let steps = (0...10).map { 1 << $0 }
    let reused = distances.flatMap { $0.reuses > 0 ? $0 : nil }
    return ReportPart(
      "Reuse distances",
      "After how many tokens a request chooses an expert again. A forecast of the next layer is used "
        + "one layer later; what is kept for a later token waits \(shape.layers) layers, "
        + "\(shape.layers * shape.topK) expert reads, for each token between.",
      reused.map { distances in
        [
          Figure(
            "reuse-by-token", "Reuses within so many tokens", "All layers together.",
            LinePlot(
              "Reuses within so many tokens",
              x: Axis(
                "tokens later, at most", key: "tokens", format: .plain(0), isLogarithmic: true,
                isWhole: true),
              y: Axis("reuses (%)", key: "share", format: .percent, shows: [0, 1]),
              series: [
                .init(
                  "this trace", color: 0,
                  steps.map { .init(Double($0), distances.share(within: $0)) }),
                .init(
                  "popularity alone", color: 6, .reference,
                  steps.map {
                    .init(Double($0), ReuseDistances.shareByChance(within: $0, chances))
                  }),
              ])),
          Figure(
            "reuse-by-layer", "Median distance of reuses",
            "Popularity alone in requests without an end; short requests end before long waits do.",
            LinePlot(
              "Median distance of reuses",
              x: Axis("model layer", key: "layer", format: .plain(0), isWhole: true),
              y: Axis("tokens", key: "tokens", format: .plain(0), shows: [0]),
              series: [
                .init(
                  "this trace", color: 0,
                  shape.modelLayers.enumerated().map { ordinal, layer in
                    .init(Double(layer), distances.median(ofLayer: ordinal).map(Double.init))
                  }),
                .init(
                  "popularity alone", color: 6, .reference,
                  shape.modelLayers.enumerated().map { ordinal, layer in
                    .init(
                      Double(layer),
                      ReuseDistances.medianByChance(chances[ordinal]).map(Double.init))
                  }),
              ], followsLayer: true)),
        ]
      } ?? [],
      absence: distances == nil
        ? "Sums of shards do not hold the order of tokens."
        : "No request chooses an expert twice in a layer.")
  }

  private var nothing: String { "Nothing in these traces to measure it by." }

  /// A relation of every layer as maps, of which the one that shows it most is shown first.
  private func map(
    _ id: String, _ title: String, _ relation: TraceAnalysis.Relation, _ scope: Scope,
    measure: Measure, chance: Measure?
  ) -> Figure? {
    let experts = shape.experts
    let ordinals = observations.layers.indices.filter {
      observations.layers[$0].figures[.all]?[measure] != nil
    }
    guard !ordinals.isEmpty else { return nil }
    let excess = ordinals.map { ordinal -> Double in
      let figures = observations.layers[ordinal].figures[.all]
      return (figures?[measure] ?? 0) - (chance.flatMap { figures?[$0] } ?? 0)
    }
    let shown = excess.indices.max { excess[$0] < excess[$1] } ?? 0
    let step = Self.cellsOfPixel(shape)
    let isPairs = relation == .pairs
    let coarse = step > 1 ? " A pixel is the mean of \(step) x \(step) cells." : ""
    return Figure(
      id, title,
      (isPairs ? "Times the mean of all pairs." : "Share of choices; every row sums to 1.")
        + coarse,
      ShadeMap(
        title,
        rows: .init(isPairs ? "expert" : "expert before", count: experts, key: "given_expert"),
        columns: .init("expert", count: experts, key: "expert"),
        value: isPairs
          ? Axis("times the mean", key: "over_mean", format: .times)
          : Axis("of choices (%)", key: "share", format: .percent),
        range: isPairs ? 0...10 : 0...min(1, 10 / Double(experts)),
        maps: ordinals.map { ordinal in
          .init(
            layer: observations.layers[ordinal].layer,
            cells: analysis.heatmap(relation, layer: ordinal, in: scope))
        }, shown: shown, cellsOfPixel: step))
  }

  /// Cells of a side that a pixel stands for, so that the maps of all layers fit into a page of 3 MB.
  static func cellsOfPixel(_ shape: TraceShape) -> Int {
    let maps = Double(shape.layers * (shape.topK > 1 ? 5 : 4))
    // Half a byte a pixel, a third more as letters, of which compression saves a part.
    var step = 1
    while maps * Double(shape.experts / step * (shape.experts / step)) / 2 > 2_000_000 { step += 1 }
    return step
  }
}
