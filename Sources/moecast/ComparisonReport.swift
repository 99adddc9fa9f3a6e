import Forecast
import Prequential
import RoutingTrace

/// What `compare` reports; the keys are stable.
struct ComparisonReport: Encodable {
  /// One predictor in one stage.
  struct Row {
    var stage: String
    var predictor: String
    /// n: recall@n.
    var recall: [String: Comparison.Estimate]
    var logLossBits: Comparison.Estimate
  }

  var requests: UInt64
  var tokens: UInt64
  /// Which chunks came again.
  var known: KnownChunkFacts
  var seconds: Double
  var lines: Report<Row>
  /// The figures by layer, without intervals.
  var layers: AccuracyReport
  /// Which predictor is best, by recall and by log loss; empty where there is but one.
  var verdicts: [Verdict]
  /// The predictors compared, and how many experts a token takes in a layer.
  let predictors: [String]
  let topK: Int

  enum CodingKeys: String, CodingKey {
    case requests, tokens, seconds, lines, layers, verdicts
    case known = "known_chunks"
  }

  /// The figures of a comparison, with their intervals.
  ///
  /// - Parameters:
  ///   - resamples: times that requests are drawn anew for the intervals.
  ///   - seed: where the drawing begins.
  ///   - stage: the stage of which the best is told; nil for all of them.
  ///   - known: which of its chunks had come before.
  ///   - seconds: what the pass took.
  init(
    _ comparison: ComparedScores, resamples: Int, seed: UInt64, stage: String? = nil,
    known: KnownChunks, seconds: Double
  ) {
    let scores = comparison.scores
    requests = scores.progress.requests
    tokens = scores.progress.tokens
    self.seconds = seconds
    self.known = KnownChunkFacts(known)
    predictors = scores.predictors
    topK = scores.shape.topK
    let ns = scores.recallAt
    layers = AccuracyReport(
      scores, recallAt: ns, events: scores.progress.events, known: known, seconds: seconds)
    let rows = AccuracyReport.stages.flatMap { stage, stages in
      scores.predictors.enumerated().compactMap { index, predictor -> Row? in
        comparison.estimates(of: index, stages: stages, resamples: resamples, seed: seed).map {
          Row(
            stage: stage, predictor: predictor,
            recall: Dictionary(uniqueKeysWithValues: zip(ns.map { "\($0)" }, $0.recall)),
            logLossBits: $0.logLossBits)
        }
      }
    }
    lines = Report(Self.columns(recallAt: ns), rows)
    verdicts = Verdict.all(
      of: comparison, stage: stage ?? "all", resamples: resamples, seed: seed)
  }

  private static func columns(recallAt ns: [Int]) -> [Column<Row>] {
    [
      .text("stage", "stage") { $0.stage }, .text("predictor", "predictor") { $0.predictor },
      Column("recall", nil, isNested: true) { .object($0.recall.mapValues(\.asValue)) },
    ]
      + ns.map { n in
        Column(nil, "recall@\(n) [95 %]", shown: { $0.recall["\(n)"]?.text ?? "-" })
      } + [
        Column("log_loss_bits", "log loss, bits [95 %]", isNested: true) {
          $0.logLossBits.asValue
        } shown: {
          $0.logLossBits.text
        }
      ]
  }

  /// The table for people.
  ///
  /// - Parameter stage: the only stage to show, or nil for each.
  func table(stage only: String?) -> Report<Row> {
    let shown = layers.shownStages(only)
    var table = Report(lines.columns, lines.rows.filter { shown.contains($0.stage) })
    let best = verdicts.first?.best
    table.isBest = { $0.predictor == best && $0.stage == shown.last }
    return table
  }
}

extension Comparison.Estimate {
  /// The figure and the ends of its interval, for programs.
  var asValue: Value {
    .object(["value": .number(value), "low": .number(low), "high": .number(high)])
  }

  /// The same for people.
  fileprivate var text: String {
    "\(decimals(value, 4)) [\(decimals(low, 3)), \(decimals(high, 3))]"
  }
}
