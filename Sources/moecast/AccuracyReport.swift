import Forecast
import Prequential
import RoutingTrace

/// What `train` and `evaluate` report, and `compare` beside its intervals: accuracy by stage and
/// layer, counts and speed.
///
/// Its JSON is keyed by stage, predictor and n, so that a script reads a figure without a search;
/// the keys are stable, more may follow.
struct AccuracyReport: Encodable {
  typealias Recall = [String: [String: Double]]

  /// Accuracy in one MoE layer.
  struct Layer: Encodable {
    /// The model's number of the layer.
    var layer: Int
    var recall: [String: Recall]
    var logLossBits: [String: [String: Double]]
    /// Mixture, part: what the part counts in the layer at the end.
    var weights: [String: [String: Float]]

    enum CodingKeys: String, CodingKey {
      case layer, recall, weights
      case logLossBits = "log_loss_bits"
    }
  }

  var requests: UInt64
  var tokens: UInt64
  /// Stage: events that were scored.
  var events: [String: UInt64] = [:]
  /// Stage, predictor, n: the share of chosen experts among the n best.
  var recall: [String: Recall] = [:]
  /// Stage, predictor: the mean of -log2 of the probability given to the chosen experts.
  var logLossBits: [String: [String: Double]] = [:]
  var layers: [Layer] = []
  /// What of this run was not recorded, and so neither scored nor learnt.
  var absent: AbsenceFacts
  /// Which chunks of this run had been learnt before.
  var known: KnownChunkFacts
  /// What this run took, and the events it consumed a second.
  var seconds: Double
  var eventsPerSecond: Double

  /// The file that what was learnt is kept in; nil where nothing is kept.
  var model: String?

  enum CodingKeys: String, CodingKey {
    case requests, tokens, events, recall, layers, absent, seconds, model
    case known = "known_chunks"
    case logLossBits = "log_loss_bits"
    case eventsPerSecond = "events_per_second"
  }

  /// The stages reported: each alone, then both.
  static let stages: [(name: String, stages: [Stage])] =
    Stage.allCases.map { ($0.name, [$0]) } + [("all", Stage.allCases)]

  /// - Parameters:
  ///   - ns: the n of recall@n.
  ///   - events: events consumed in this run.
  ///   - absent: what of them was not recorded.
  ///   - known: which of its chunks had been learnt before.
  ///   - seconds: what the run took.
  init(
    _ scores: StreamScores, recallAt ns: [Int], events consumed: UInt64,
    absent: AbsentRoutes = AbsentRoutes(), known: KnownChunks = KnownChunks(), seconds: Double
  ) {
    self.absent = AbsenceFacts(absent)
    self.known = KnownChunkFacts(known)
    requests = scores.progress.requests
    tokens = scores.progress.tokens
    self.seconds = seconds
    eventsPerSecond = seconds > 0 ? Double(consumed) / seconds : 0
    let whole = Self.figures(scores.predictors, ns) { predictor, stages in
      scores.score(of: predictor, stages: stages)
    }
    (events, recall, logLossBits) = whole
    layers = scores.layers.enumerated().map { ordinal, metrics in
      let own = Self.figures(scores.predictors, ns) { predictor, stages in
        metrics[predictor].score(of: stages)
      }
      return Layer(
        layer: scores.shape.modelLayers[ordinal], recall: own.recall, logLossBits: own.logLoss,
        weights: scores.weights.mapValues { $0.mapValues { $0[ordinal] } })
    }
  }

  private static func figures(
    _ predictors: [String], _ ns: [Int], _ score: (Int, [Stage]) -> Score
  ) -> (
    events: [String: UInt64], recall: [String: Recall], logLoss: [String: [String: Double]]
  ) {
    var events: [String: UInt64] = [:]
    var recall: [String: Recall] = [:]
    var logLoss: [String: [String: Double]] = [:]
    for (stage, stages) in Self.stages {
      for (index, predictor) in predictors.enumerated() {
        let score = score(index, stages)
        events[stage] = score.events
        guard let bits = score.logLossBits else { continue }
        logLoss[stage, default: [:]][predictor] = bits
        for n in ns {
          recall[stage, default: [:]][predictor, default: [:]]["\(n)"] = score.recall(at: n)
        }
      }
    }
    return (events, recall, logLoss)
  }

  /// The table for people: one line a stage and predictor.
  ///
  /// - Parameter stage: the only stage to show, or nil for each.
  func table(_ predictors: [String], recallAt ns: [Int], stage only: String? = nil)
    -> Report<PredictorAccuracy>
  {
    let rows = shownStages(only).flatMap { stage in
      predictors.compactMap { predictor in
        recall[stage]?[predictor].map {
          PredictorAccuracy(
            stage: stage, predictor: predictor, recall: $0,
            logLossBits: logLossBits[stage]?[predictor])
        }
      }
    }
    return Report([.stage] + PredictorAccuracy.columns(recallAt: ns), rows)
  }

  /// The stages of the table: the one that is asked for, else those that have events, and all of
  /// them together where these are several.
  func shownStages(_ only: String?) -> [String] {
    let names = Self.stages.map(\.name)
    if let only { return names.filter { $0 == only } }
    let alone = Stage.allCases.map(\.name).filter { events[$0] ?? 0 > 0 }
    return alone.count == 1 ? alone : names
  }

  /// The table for people by layer: one line a layer, one column a predictor, both stages.
  func layerTable(_ predictors: [String], n: Int) -> Report<Layer> {
    let columns: [Column<Layer>] =
      [.integer(nil, "model layer") { $0.layer }]
      + predictors.map { predictor in
        .number(nil, "\(predictor) @\(n)", places: 4) { $0.recall["all"]?[predictor]?["\(n)"] }
      }
    return Report(columns, layers)
  }
}

extension StandardOutput {
  /// Shows the tables of `scores` that the options ask for, and an empty line behind them.
  mutating func show(_ report: AccuracyReport, of scores: StreamScores, as options: AccuracyOptions)
  {
    show(report.table(scores.predictors, recallAt: scores.recallAt, stage: options.stage))
    line()
    guard options.perLayer else { return }
    show(report.layerTable(scores.predictors, n: scores.shape.topK))
    line()
  }
}
