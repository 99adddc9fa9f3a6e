import Chart
import Forecast
import Prequential
import RoutingTrace

/// Predictors beside each other, as they learn, and layer by layer.
extension ForecastFigures {
  var comparison: ReportPart {
    guard !estimates.isEmpty, let topK else {
      return ReportPart(
        "Predictors", "", [scores],
        absence: "The model keeps no recall@\(shape.topK); a trace beside it is measured anew.")
    }
    typealias Estimates = (recall: [Comparison.Estimate], logLossBits: Comparison.Estimate)
    func rows(_ figure: (Estimates) -> Comparison.Estimate) -> [RowPlot.Row] {
      zip(learner.predictors.indices, estimates).compactMap { index, estimates in
        estimates.map(figure).map { value in
          RowPlot.Row(
            learner.predictors[index], [value.value],
            interval: value.low...max(value.low, value.high), color: index == best ? 0 : 6)
        }
      }
    }
    return ReportPart(
      "Predictors compared", "With 95 % intervals, by drawing requests anew.",
      [
        Figure(
          "recall-compared", "Recall@\(shape.topK)", "All layers and stages; more is better.",
          RowPlot(
            "Recall@\(shape.topK) by predictor",
            value: Axis("recall (%)", key: "recall", format: .percent, shows: [0]),
            rowKey: "predictor",
            rows: rows { $0.recall[topK] })),
        Figure(
          "loss-compared", "Log loss", "Bits for a chosen expert; less is better.",
          RowPlot(
            "Log loss by predictor",
            value: Axis("log loss (bits)", key: "log_loss_bits", format: .plain(2), shows: [0]),
            rowKey: "predictor",
            rows: rows { $0.logLossBits })),
        recallByN,
      ])
  }

  /// Recall@K of every predictor, without intervals.
  private var scores: Figure {
    Figure(
      "recall-compared", "Recall@\(shape.topK)", "All layers and stages.",
      RowPlot(
        "Recall@\(shape.topK) by predictor",
        value: Axis("recall (%)", key: "recall", format: .percent, shows: [0]), rowKey: "predictor",
        rows: learner.predictors.indices.map { index in
          RowPlot.Row(
            learner.predictors[index],
            [learner.score(of: index, stages: Stage.allCases).recall(at: shape.topK)],
            color: index == best ? 0 : 6)
        }))
  }

  private var recallByN: Figure {
    let steps = Set((0...10).map { 1 << $0 } + learner.recallAt).filter { $0 <= shape.experts }
      .sorted()
    return Figure(
      "recall-by-n", "Recall@n",
      "How many experts must be brought to have most of the chosen ones.",
      LinePlot(
        "Recall@n by predictor",
        x: Axis("n experts", key: "n", format: .plain(0), isLogarithmic: true, isWhole: true),
        y: Axis("recall (%)", key: "recall", format: .percent, shows: [0, 1]),
        series: ordered.map { index, color in
          let score = learner.score(of: index, stages: Stage.allCases)
          return .init(
            learner.predictors[index], color: color,
            steps.map { .init(Double($0), score.recall(at: $0)) })
        }))
  }

  /// Predictors with their colours: the one told of in detail has the first.
  private var ordered: [(index: Int, color: Int)] {
    let others = learner.predictors.indices.filter { $0 != best }
    return [(best, 0)] + others.suffix(5).enumerated().map { ($1, $0 + 1) }
  }

  var learning: ReportPart {
    let rows = learned.history
    guard rows.count > 1, let topK = learned.recallAt.firstIndex(of: shape.topK) else {
      return ReportPart(
        "Learning curve", "", [],
        absence: "Figures were noted at fewer than two places; a longer stream has a curve.")
    }
    return ReportPart(
      "Learning curve", "",
      [
        Figure(
          "learning-curve", "Recall@\(shape.topK) along the stream",
          isFrozen
            ? "While the model was trained, of the events since the point before."
            : "Of the events since the point before.",
          LinePlot(
            "Recall along the stream",
            x: Axis("events seen", key: "events", format: .prefixed(), isLogarithmic: true),
            y: Axis("recall (%)", key: "recall", format: .percent, shows: [0]),
            series: ordered.map { index, color in
              .init(
                learner.predictors[index], color: color,
                rows.indices.map { place in
                  let now = rows[place].predictors[index]
                  let before = place > 0 ? rows[place - 1].predictors[index] : nil
                  let chosen = now.chosen - (before?.chosen ?? 0)
                  let hits = now.hits[topK] - (before?.hits[topK] ?? 0)
                  return .init(
                    Double(rows[place].events), chosen > 0 ? Double(hits) / Double(chosen) : nil)
                })
            }))
      ])
  }

  var byLayer: ReportPart {
    func lines(_ id: String, _ title: String, _ series: [LinePlot.Series]) -> Figure {
      Figure(
        id, title, "",
        LinePlot(
          title, x: Axis("model layer", key: "layer", format: .plain(0), isWhole: true),
          y: Axis("recall (%)", key: "recall", format: .percent, shows: [0]), series: series,
          followsLayer: true))
    }
    func points(_ predictor: Int, _ stages: [Stage], at n: Int) -> [LinePlot.Point] {
      zip(shape.modelLayers, learner.layers).map { number, layer in
        .init(Double(number), layer.metrics[predictor].score(of: stages).recall(at: n))
      }
    }
    return ReportPart(
      "By layer and stage", "",
      [
        lines(
          "recall-by-layer", "Recall@\(shape.topK) by predictor",
          ordered.map {
            .init(
              learner.predictors[$0.index], color: $0.color,
              points($0.index, Stage.allCases, at: shape.topK))
          }),
        lines(
          "recall-by-stage", "Recall@\(shape.topK) of \(name) by stage",
          Stage.allCases.enumerated().map {
            .init($1.name, color: $0, points(best, [$1], at: shape.topK))
          }),
        lines(
          "recall-by-layer-n", "Recall@n of \(name)",
          learner.recallAt.enumerated().map { place, n in
            .init("n = \(n)", color: place % 6, points(best, Stage.allCases, at: n))
          }),
      ])
  }
}
