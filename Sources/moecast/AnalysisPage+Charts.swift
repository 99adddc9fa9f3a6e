import Chart
import Insight

/// An observation's charts by layer.
extension AnalysisPage {
  /// A line of a chart: a measure of some tokens.
  private typealias Line = (name: String, measure: Measure, scope: Scope)

  /// What a chart shows; the last measure, where it is given, is what the others are held against.
  private struct ChartPlan {
    var title: String
    var lines: [Line]
    var reference: Line?

    /// A measure by stage, and beside it what `reference` says of all tokens.
    init(_ title: String, _ measure: Measure, against reference: Measure? = nil) {
      self.title = title
      lines = Scope.allCases.map { ($0.rawValue, measure, $0) }
      self.reference = reference.map { ("popularity alone", $0, .all) }
    }

    /// Measures of all tokens.
    init(_ title: String, _ lines: [(String, Measure)], against reference: Measure? = nil) {
      self.title = title
      self.lines = lines.map { ($0.0, $0.1, .all) }
      self.reference = reference.map { ("popularity alone", $0, .all) }
    }
  }

  /// The observation's charts, as far as there is something to draw.
  func charts(_ observation: Int) -> [String] { Self.plans(observation).compactMap(chart) }

  private static func plans(_ observation: Int) -> [ChartPlan] {
    switch observation {
    case 1:
      [
        ChartPlan(
          "Choices on the top 20 % of experts after the most used one of the layer before",
          .nextLayerTop, against: .nextLayerTopByChance)
      ]
    case 2:
      [
        ChartPlan(
          "Choices on the top 20 % of experts after the most used one of the token before",
          .nextTokenTop, against: .nextTokenTopByChance),
        ChartPlan(
          "Choices that the token before made too", .sameExpert, against: .sameExpertByPopularity),
      ]
    case 3:
      [
        ChartPlan(
          "Rank correlation of prefill and decode",
          [
            ("frequencies", .stagesFrequencyRank), ("layer to layer", .stagesNextLayerRank),
            ("token to token", .stagesNextTokenRank),
          ]),
        ChartPlan(
          "Most used experts that prefill and decode have in common",
          [
            ("top 5", .stagesTop5Shared), ("top 10", .stagesTop10Shared),
            ("top 20", .stagesTop20Shared),
          ]),
      ]
    case 4: [ChartPlan("The most used expert over the mean", .mostUsedOverMean)]
    case 5:
      [
        ChartPlan(
          "Pairs of experts on the top 10 % of pairs", [("all", .pairsTop)],
          against: .pairsTopByPopularity)
      ]
    default:
      [
        ChartPlan(
          "Choices on the top 20 % of experts of the token's own task", [("own", .taskTop)],
          against: .taskTopByChance)
      ]
    }
  }

  private func chart(_ plan: ChartPlan) -> String? {
    guard let measure = plan.lines.first?.measure else { return nil }
    var lines = plan.lines.enumerated().map { index, line in
      LineChart.Line(line.name, values(line), color: index)
    }
    if let reference = plan.reference {
      lines.append(
        LineChart.Line(reference.name, values(reference), color: 3, isReference: true))
    }
    let chart = LineChart(
      plan.title, axis: "model layer", places: report.layers.map(\.layer), lines: lines,
      text: measure.text)
    return chart.svg.map {
      "<figure>\n\($0)\n<figcaption>\(escaped(plan.title))</figcaption>\n</figure>"
    }
  }

  private func values(_ line: Line) -> [Double?] {
    report.layers.map { $0.figures[line.scope]?[line.measure] }
  }
}
