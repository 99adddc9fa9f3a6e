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

  let learner: Learner
  let measurement: Measurement
  /// By predictor, recall at each n of the learner and log loss in bits; empty where no intervals are
  /// known.
  let estimates: [(recall: [Comparison.Estimate], logLossBits: Comparison.Estimate)?]
  let anatomy: ForecastAnatomy.Figures?
  /// The learner whose history is the learning curve.
  let learned: Learner
  /// The predictor that is told of in detail.
  let best: Int
  var shape: TraceShape { learner.shape }
  var name: String { learner.predictors[best] }
  /// Where recall@K stands among the learner's n.
  var topK: Int? { learner.recallAt.firstIndex(of: shape.topK) }

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
    let scores = comparison.scores
    estimates = learner.predictors.indices.map { index in
      scores.estimates(of: index, stages: Stage.allCases, resamples: resamples, seed: 1)
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

  var isFrozen: Bool { if case .frozen = measurement { true } else { false } }

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
        "\(ValueFormat.percent.text(own)) of the chosen experts are "
        + (shape.topK == 1
          ? "the one that was expected." : "among the \(shape.topK) that were expected."),
      text: text + ". The paper gives no recall of its predictor.",
      measured: own, yardstick: yardstick,
      yardstickName: markov.map { learner.predictors[$0] } ?? "",
      paper: [], format: .percent)
  }
}
