import Forecast
import Prequential
import RoutingTrace

/// Which of the predictors compared is best by one figure, and how far before the next.
struct Verdict: Encodable, CustomStringConvertible {
  /// `recall@8`, or `log_loss_bits`.
  var figure: String
  var stage: String
  var best: String
  /// The one behind it.
  var next: String
  /// How much better the best is: a share of recall more, bits of log loss less. The interval is of
  /// the paired difference, over the same draws of requests.
  var lead: Comparison.Estimate

  enum CodingKeys: String, CodingKey {
    case figure, stage, best, next, lead
  }

  /// The verdicts by recall at top-k, or the first n that there is, and by log loss.
  ///
  /// - Parameter stage: the stage's name; that of the only one with events where "all" is asked for.
  static func all(
    of compared: ComparedScores, stage: String, resamples: Int, seed: UInt64
  ) -> [Verdict] {
    let scores = compared.scores
    let stages = AccuracyReport.stages.first { $0.name == stage }?.stages ?? Stage.allCases
    let k = scores.recallAt.firstIndex(of: scores.shape.topK) ?? 0
    guard scores.predictors.count > 1, scores.recallAt.indices.contains(k) else { return [] }
    /// The predictors, the best first, by what is the better the larger it is.
    func ranked(_ value: (Score) -> Double?) -> [Int] {
      let known = scores.predictors.indices.compactMap { index in
        value(scores.score(of: index, stages: stages)).map { (index, $0) }
      }
      return known.sorted { ($1.1, $0.0) < ($0.1, $1.0) }.map(\.0)
    }
    func verdict(
      _ figure: String, _ order: [Int], _ lead: (Int, Int) -> Comparison.Estimate?
    ) -> Verdict? {
      guard order.count > 1, let lead = lead(order[0], order[1]) else { return nil }
      return Verdict(
        figure: figure, stage: stage, best: scores.predictors[order[0]],
        next: scores.predictors[order[1]], lead: lead)
    }
    func advantage(_ best: Int, _ next: Int) -> (
      recall: [Comparison.Estimate],
      logLossBits: Comparison.Estimate
    )? {
      compared.advantage(
        of: best, over: next, stages: stages, resamples: resamples, seed: seed)
    }
    let n = scores.recallAt[k]
    return [
      verdict("recall@\(n)", ranked { $0.recall(at: n) }) { best, next in
        advantage(best, next)?.recall[k]
      },
      // The better has the smaller loss.
      verdict("log_loss_bits", ranked { $0.logLossBits.map { -$0 } }) { best, next in
        advantage(next, best)?.logLossBits
      },
    ].compactMap(\.self)
  }

  /// A line for people.
  var description: String {
    let isLoss = figure == "log_loss_bits"
    let what = isLoss ? "log loss" : figure
    let unit = isLoss ? " bits" : ""
    let told =
      "\(decimals(lead.value, 4))\(unit) [\(decimals(lead.low, 4)), \(decimals(lead.high, 4))]"
    let of = stage == "all" ? "" : " of \(stage)"
    return lead.low > 0
      ? "best by \(what)\(of): \(best), \(told) ahead of \(next) over the same requests"
      : "no clear winner by \(what)\(of): \(best) is \(told) ahead of \(next)"
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(figure, forKey: .figure)
    try container.encode(stage, forKey: .stage)
    try container.encode(best, forKey: .best)
    try container.encode(next, forKey: .next)
    try container.encode(lead.asValue, forKey: .lead)
  }
}
