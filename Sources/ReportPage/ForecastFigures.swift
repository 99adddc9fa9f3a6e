import Chart
import Forecast
import Prequential
import RoutingTrace

/// How well experts are forecast: how it is learnt, how good it is, where it fails, what it costs.
public struct ForecastFigures: Sendable {
  /// What forecasts a stream was measured by.
  public enum Measurement: Sendable {
    /// From nothing, every event scored before it was learnt.
    case prequential
    /// By a model that learnt before, and stays as it is; some of the chunks may be its own.
    case frozen(learntBefore: Int, chunks: Int)
    /// As it noted while it was trained.
    case training
  }

  /// A predictor with its figures over the stream and their intervals.
  public struct Estimate: Sendable {
    /// Recall at each n of the learner, and log loss in bits.
    public var recall: [Comparison.Estimate]
    public var logLossBits: Comparison.Estimate
  }

  let learner: Learner
  private let measurement: Measurement
  /// By predictor; empty where no intervals are known.
  private let estimates: [Estimate?]
  private let anatomy: ForecastAnatomy.Figures?
  /// The learner whose history is the learning curve.
  private let learned: Learner
  /// The predictor that is told of in detail.
  let best: Int
  private var shape: TraceShape { learner.shape }
  private var name: String { learner.predictors[best] }
  /// Where recall@K stands among the learner's n.
  private var topK: Int? { learner.recallAt.firstIndex(of: shape.topK) }

  /// Figures of a comparison, and of one of its predictors' forecasts one by one.
  public init(
    _ comparison: Comparison, _ anatomy: ForecastAnatomy.Figures?, of best: Int,
    _ measurement: Measurement, learned: Learner? = nil, resamples: Int = 1000
  ) {
    learner = comparison.learner
    self.learned = learned ?? comparison.learner
    self.measurement = measurement
    self.anatomy = anatomy
    self.best = best
    estimates = learner.predictors.indices.map { index in
      comparison.estimates(of: index, stages: Stage.allCases, resamples: resamples, seed: 1).map {
        Estimate(recall: $0.recall, logLossBits: $0.logLossBits)
      }
    }
  }

  /// Figures that a model noted while it was trained.
  public init(training learner: Learner, of best: Int) {
    self.learner = learner
    learned = learner
    measurement = .training
    anatomy = nil
    self.best = best
    estimates = []
  }

  /// The section of them all.
  public var section: ReportSection {
    ReportSection(
      "forecast", "What can be forecast",
      measured + " Recall@n is the share of the chosen experts "
        + "among the n ranked first; K = \(shape.topK).",
      [comparison, learning, byLayer, calibration, weights, errors, cost])
  }

  private var isFrozen: Bool { if case .frozen = measurement { true } else { false } }

  /// What must be said on top where the model has learnt the very chunks; nil where it has not.
  public var remark: String? {
    guard case .frozen(let learnt, let chunks) = measurement, learnt > 0 else { return nil }
    return
      "In-sample: the model has learnt \(learnt) of these \(chunks) chunks before; its forecast "
      + "tells what it remembers."
  }

  private var measured: String {
    let events = ValueFormat.prefixed().text(Double(learner.progress.events))
    switch measurement {
    case .prequential:
      return "Predictors that begin with nothing and learn as the stream goes by, each of "
        + "\(events) events scored before it is learnt."
    case .frozen(let learnt, let chunks):
      let own =
        learnt > 0
        ? " In-sample: the model has learnt \(learnt) of these \(chunks) chunks before, so the figures "
          + "tell what it remembers." : " It has learnt none of these chunks."
      return "A trained model that stays as it is, over \(events) events.\(own)"
    case .training:
      return
        "As the model noted it while it was trained: \(events) events, each scored before it was "
        + "learnt."
    }
  }

  private var comparison: ReportPart {
    guard !estimates.isEmpty, let topK else {
      return ReportPart(
        "Predictors", "", [scores],
        absence: "The model keeps no recall@\(shape.topK); a trace beside it is measured anew.")
    }
    let order = estimates.indices.filter { estimates[$0] != nil }
    return ReportPart(
      "Predictors compared", "With 95 % intervals, by drawing requests anew.",
      [
        Figure(
          "recall-compared", "Recall@\(shape.topK)", "All layers and stages; more is better.",
          RowPlot(
            "Recall@\(shape.topK) by predictor",
            value: Axis("recall (%)", key: "recall", format: .percent, shows: [0]),
            rowKey: "predictor",
            rows: order.compactMap { index in
              estimates[index].map { estimate in
                let value = estimate.recall[topK]
                return RowPlot.Row(
                  learner.predictors[index], [value.value],
                  interval: value.low...max(value.low, value.high),
                  color: index == best ? 0 : 6)
              }
            })),
        Figure(
          "loss-compared", "Log loss", "Bits for a chosen expert; less is better.",
          RowPlot(
            "Log loss by predictor",
            value: Axis("log loss (bits)", key: "log_loss_bits", format: .plain(2), shows: [0]),
            rowKey: "predictor",
            rows: order.compactMap { index in
              estimates[index].map { estimate in
                let value = estimate.logLossBits
                return RowPlot.Row(
                  learner.predictors[index], [value.value],
                  interval: value.low...max(value.low, value.high),
                  color: index == best ? 0 : 6)
              }
            })),
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

  private var learning: ReportPart {
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

  private var byLayer: ReportPart {
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

  private var calibration: ReportPart {
    guard let anatomy else {
      return ReportPart(
        "Calibration", "", [], absence: "A model alone keeps no forecasts; give a trace beside it.")
    }
    func points(_ calibration: Calibration) -> [LinePlot.Point] {
      calibration.bins.filter { $0.count > 0 }.map {
        .init(
          $0.forecast, $0.share, note: "\(ValueFormat.prefixed().text(Double($0.count))) forecasts")
      }
    }
    let (all, best) = (anatomy.calibration, anatomy.calibrationOfBest)
    let error = ValueFormat(scale: 100, places: 2, suffix: " %")
    return ReportPart(
      "Calibration",
      "Whether chances come true as often as they say: expected calibration error "
        + "\(error.text(all.error)) over all experts, \(error.text(best.error)) over the "
        + "\(shape.topK) expected most.",
      [
        Figure(
          "reliability", "Reliability of \(name)",
          "Chances that an expert is among the chosen, by tenths, and how often it was. On the "
            + "diagonal they mean what they say.",
          LinePlot(
            "Reliability diagram",
            x: Axis("chance forecast (%)", key: "forecast", format: .percent, shows: [0, 1]),
            y: Axis("came true (%)", key: "came_true", format: .percent, shows: [0, 1]),
            series: [
              .init("all experts", color: 0, points(all)),
              .init("the \(shape.topK) expected most", color: 1, points(best)),
              .init("as forecast", color: 6, .reference, [.init(0, 0), .init(1, 1)]),
            ])),
        Figure(
          "chances", "Forecasts by chance",
          "How many forecasts of an expert stand in each tenth.",
          LinePlot(
            "Forecasts by chance",
            x: Axis("chance forecast (%)", key: "middle", format: .percent, shows: [0, 1]),
            y: Axis("forecasts", key: "forecasts", format: .prefixed(), isLogarithmic: true),
            series: [
              .init(
                "all experts", color: 0, .columns,
                all.bins.enumerated().map {
                  .init((Double($0) + 0.5) / 10, $1.count > 0 ? Double($1.count) : nil)
                })
            ])),
        Figure(
          "calibration-error", "Expected calibration error",
          "Mean distance of a tenth's mean chance from the share that came true, by forecasts.",
          RowPlot(
            "Expected calibration error",
            value: Axis("error (%)", key: "error", format: error, shows: [0]), rowKey: "experts",
            rows: [
              .init("all experts", [all.error]),
              .init("\(shape.topK) expected most", [best.error], color: 1),
            ])),
      ])
  }

  private var weights: ReportPart {
    guard let parts = learner.mixtureWeights[name], parts.count > 1 else {
      return ReportPart(
        "Weights of the parts", "", [],
        absence: "\(name) weighs no parts against each other; a mixture does.")
    }
    // Up to a tenth, so that the scale has round ends.
    let most =
      ((parts.flatMap(\.weights).map { abs(Double($0)) }.max() ?? 1) * 10).rounded(.up) / 10
    return ReportPart(
      "Weights of the parts", "",
      [
        Figure(
          "weights-mean", "Weights of the parts of \(name)",
          "What each part's log odds count, the mean of the layers; below 0 it is taken back from others.",
          RowPlot(
            "Weights of parts", value: Axis("weight", key: "weight", format: .plain(3), shows: [0]),
            rowKey: "part", rows: parts.map { .init($0.part, [$0.mean]) })),
        Figure(
          "weights-by-layer", "The same by layer", "",
          ShadeMap(
            "Weights by layer",
            rows: .init("part", count: parts.count, key: "part", names: parts.map(\.part)),
            columns: .init(
              "model layer", count: shape.layers, key: "layer", numbers: shape.modelLayers),
            value: Axis("weight", key: "weight", format: .plain(2)),
            range: -max(most, 1e-9)...max(most, 1e-9), isDiverging: true,
            maps: [.init(cells: parts.map { $0.weights.map(Double.init) })], isSquare: false)),
      ])
  }

  private var errors: ReportPart {
    guard let anatomy else {
      return ReportPart(
        "Where it fails", "", [],
        absence: "A model alone keeps no forecasts; give a trace beside it.")
    }
    let recall = Axis(
      "recall@\(shape.topK) (%)", key: "recall", format: .percent, shows: [0])
    func note(_ tally: ForecastAnatomy.Tally) -> String {
      "\(ValueFormat.prefixed().text(Double(tally.events))) events"
    }
    let seen = [
      ("seen before", anatomy.seenContexts), ("new", anatomy.newContexts),
    ].filter { $0.1.events > 0 }
    let context =
      anatomy.contextLayers == 1
      ? "the set of experts chosen in the layer before"
      : "the experts chosen in the two layers before"
    return ReportPart(
      "Where it fails", "Recall@\(shape.topK) of \(name), events told apart.",
      [
        Figure(
          "recall-by-position", "By the token's position",
          "Tokens 1, 2, 3 and 4, 5 to 8, and so on.",
          LinePlot(
            "Recall by position",
            x: Axis(
              "token of the request, from", key: "token", format: .plain(0), isLogarithmic: true,
              isWhole: true),
            y: recall,
            series: [
              .init(
                name, color: 0,
                anatomy.byPosition.enumerated().map { bin, tally in
                  // Positions count from 0, which has no logarithm; tokens count from 1.
                  let first = ForecastAnatomy.positions(ofBin: bin).lowerBound + 1
                  return .init(Double(first), tally.recall, note: note(tally))
                })
            ])),
        Figure(
          "recall-by-match", "By how well the best stored path matches",
          "Of the token's choices so far, the share that the stored token most like it made too.",
          LinePlot(
            "Recall by the best path's match",
            x: Axis(
              "match (%), the last column all of it", key: "middle", format: .percent,
              shows: [0]),
            y: recall,
            series: [
              .init(
                name, color: 0, .columns,
                anatomy.byMatch.enumerated().map {
                  .init((Double($0) + 0.5) / 10, $1.recall, note: note($1))
                })
            ])),
        Figure(
          "recall-by-context", "In contexts seen before and new ones",
          "A context is \(context): "
            + seen.map { "\(note($0.1)) \($0.0)" }.joined(separator: ", ") + ".",
          RowPlot(
            "Recall by context", value: recall, rowKey: "context",
            rows: seen.enumerated().map { place, one in
              .init(one.0, [one.1.recall], color: place)
            })),
      ])
  }

  private var cost: ReportPart {
    ReportPart(
      "Cost",
      "Memory while it learns. How long a forecast takes depends on the machine, and is not told here: "
        + "the same inputs make the same page.",
      [
        Figure(
          "memory", "Memory by predictor", "Counts, tables and metrics for a model of this shape.",
          RowPlot(
            "Memory by predictor",
            value: Axis("bytes", key: "bytes", format: .prefixed("B"), shows: [0]),
            rowKey: "predictor",
            rows: learner.specs.enumerated().map { index, spec in
              .init(
                spec.name, [Double(Learner.bytes(shape: shape, predictors: [spec]))],
                color: index == best ? 0 : 6)
            }))
      ])
  }

  /// What the forecast comes to, in a sentence; nil where nothing was scored.
  public var finding: Finding? {
    let own = learner.score(of: best, stages: Stage.allCases).recall(at: shape.topK)
    guard let own else { return nil }
    let markov =
      learner.predictors.firstIndex(of: "layer-markov")
      ?? learner.predictors.firstIndex(of: "frequency")
    let yardstick = markov.flatMap { index in
      index == best ? nil : learner.score(of: index, stages: Stage.allCases).recall(at: shape.topK)
    }
    var text = "Recall@\(shape.topK) of \(name)"
    if let error = anatomy?.calibration.error {
      text +=
        "; its chances are off by \(ValueFormat(scale: 100, places: 2, suffix: " %").text(error))"
    }
    if case .frozen(let learnt, let chunks) = measurement, learnt > 0 {
      text += ". In-sample: \(learnt) of \(chunks) chunks were learnt before"
    }
    return Finding(
      id: "forecast",
      sentence:
        "\(ValueFormat.percent.text(own)) of the chosen experts are among the \(shape.topK) "
        + "that were expected.",
      text: text + ". The paper gives no recall of its predictor.",
      measured: own, yardstick: yardstick,
      yardstickName: markov.map { learner.predictors[$0] } ?? "",
      paper: [], format: .percent)
  }
}
