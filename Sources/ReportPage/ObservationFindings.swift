import Chart
import Insight

/// What the observations come to, in sentences.
extension ObservationFigures {
  /// The findings, the most telling first; as many as could be measured.
  public var findings: [Finding] {
    [layerFinding, tokenFinding, stageFinding, expertFinding, pairFinding].compactMap { $0 }
  }

  private func mean(_ measure: Measure) -> Double? {
    observations.summary(measure, in: .all)?.mean
  }

  private var layerFinding: Finding? {
    guard let own = mean(.nextLayerTop) else { return nil }
    return Finding(
      id: "layer-to-layer",
      sentence: "A layer tells of the next: \(ValueFormat.percent.text(own)) of choices on a fifth "
        + "of the experts.",
      text:
        "After the most used expert of a layer, on the top 20 % of the next layer's experts; the "
        + "mean of the layers. The paper's four models beside it.",
      measured: own, yardstick: mean(.nextLayerTopByChance), yardstickName: "popularity alone",
      paper: PaperModels.layers, format: .percent)
  }

  private var tokenFinding: Finding? {
    guard let own = mean(.nextTokenTop) else { return nil }
    let again =
      mean(.sameExpert).map { ", and \(ValueFormat.percent.text($0)) choose the same expert again" }
      ?? ""
    return Finding(
      id: "token-to-token",
      sentence: "A token tells of the next: \(ValueFormat.percent.text(own)) of choices on a fifth "
        + "of the experts\(again).",
      text:
        "In the same layer, one token later, after the most used expert; the mean of the layers.",
      measured: own, yardstick: mean(.nextTokenTopByChance), yardstickName: "popularity alone",
      paper: PaperModels.tokens, format: .percent)
  }

  private var stageFinding: Finding? {
    guard let own = mean(.stagesFrequencyRank) else { return nil }
    let ranks = observations.layers.compactMap { $0.figures[.all]?[.stagesFrequencyRank] }
    let high = ranks.count { $0 >= PaperModels.stagesRank }
    let isLike = 2 * high > ranks.count
    let maps =
      mean(.stagesNextLayerRank).map {
        "Their maps from layer to layer correlate by \(ValueFormat.plain(2).text($0)). "
      } ?? ""
    return Finding(
      id: "prefill-to-decode",
      sentence: "A prompt tells \(isLike ? "much" : "little") of its answer: their experts' ranks "
        + "correlate by \(ValueFormat.plain(2).text(own)).",
      text: "Spearman's coefficient of prefill's and decode's frequencies, the mean of the layers; "
        + "\(high) of \(ranks.count) layers reach 0.7, which the paper finds in most layers of its "
        + "four models. \(maps)Unrelated stages would have 0.",
      measured: own, yardstick: 0, yardstickName: "unrelated",
      paper: [.init(model: "the paper's, at least", value: PaperModels.stagesRank)],
      format: .plain(2))
  }

  private var expertFinding: Finding? {
    guard let summary = observations.summary(.mostUsedOverMean, in: .all) else { return nil }
    let own = summary.most.value
    let gini = mean(.gini).map { " Gini coefficient \(ValueFormat.plain(2).text($0))." } ?? ""
    return Finding(
      id: "single-experts",
      sentence: "The most used expert works \(ValueFormat.plain(1).text(own)) times the mean, in "
        + "layer \(summary.most.layer).",
      text:
        "The mean of the layers is \(ValueFormat.plain(1).text(summary.mean)).\(gini) The paper "
        + "finds up to 16 and more.",
      measured: own, yardstick: 1, yardstickName: "all alike",
      paper: [.init(model: "the paper's, up to", value: PaperModels.mostUsedOverMean)],
      format: .times)
  }

  private var pairFinding: Finding? {
    guard let own = mean(.pairsTop) else { return nil }
    return Finding(
      id: "pairs",
      sentence:
        "Experts keep company: a tenth of the pairs holds \(ValueFormat.percent.text(own)).",
      text:
        "Pairs chosen together by one token, the mean of the layers. The paper finds 60 to 80 %.",
      measured: own, yardstick: mean(.pairsTopByPopularity), yardstickName: "popularity alone",
      paper: [
        .init(model: "the paper's, from", value: PaperModels.pairs.lowerBound),
        .init(model: "the paper's, to", value: PaperModels.pairs.upperBound),
      ], format: .percent)
  }
}
