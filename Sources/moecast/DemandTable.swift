import Demand

/// What forecasts make of the demand of batches, as `moecast simulate --demand` prints it.
struct DemandTable {
  /// One forecast of batches of one size.
  struct Line: Encodable {
    let batch: Int
    /// Distinct tokens in a batch, on average.
    let distinctTokens: Double
    let forecast: String
    /// 0 for the next step.
    let layersAhead: Int
    let loadError: Double
    let loadErrorIfRight: Double
    let needThreshold: Double
    let precision: Double
    let recall: Double
    let f1: Double
    let f1IfRight: Double
    let brier: Double
    let brierIfRight: Double
    let calibrationError: Double
    let calibration: [Bin]

    enum CodingKeys: String, CodingKey {
      case batch, forecast, precision, recall, f1, brier, calibration
      case distinctTokens = "distinct_tokens"
      case layersAhead = "layers_ahead"
      case loadError = "load_error"
      case loadErrorIfRight = "load_error_if_right"
      case needThreshold = "need_threshold"
      case f1IfRight = "f1_if_right"
      case brierIfRight = "brier_if_right"
      case calibrationError = "calibration_error"
    }
  }

  /// Needs within one tenth.
  struct Bin: Encodable {
    let count: Int
    let forecast: Double
    let share: Double
  }

  private(set) var lines: [Line] = []

  mutating func add(
    _ question: DemandQuestion, batch: Int, distinctTokens: Double, _ report: DemandReport
  ) {
    let calibration = report.calibration
    lines.append(
      Line(
        batch: batch, distinctTokens: distinctTokens, forecast: question.forecast.rawValue,
        layersAhead: question.layersAhead, loadError: report.loadError,
        loadErrorIfRight: report.loadErrorIfRight, needThreshold: DemandReport.threshold,
        precision: report.precision, recall: report.recall, f1: report.f1,
        f1IfRight: report.f1IfRight, brier: calibration.brier,
        brierIfRight: calibration.brierIfRight, calibrationError: calibration.error,
        calibration: calibration.bins.map {
          Bin(count: $0.count, forecast: $0.forecast, share: $0.share)
        }))
  }

  /// Columns for people; what a figure would be if the forecast were right stands in brackets.
  var table: String {
    var table = TextTable(
      [
        "forecast", "of", "batch", "distinct", "misplaced %", "precision %", "recall %", "F1 %",
        "Brier", "off by",
      ], leftColumns: 2)
    for line in lines {
      table.add([
        line.forecast,
        line.layersAhead == 0
          ? "next step" : "\(line.layersAhead) layer\(line.layersAhead == 1 ? "" : "s") ahead",
        String(line.batch), decimals(line.distinctTokens, 0),
        percent(line.loadError) + " (\(percent(line.loadErrorIfRight)))", percent(line.precision),
        percent(line.recall), percent(line.f1) + " (\(percent(line.f1IfRight)))",
        decimals(line.brier, 4) + " (\(decimals(line.brierIfRight, 4)))",
        decimals(line.calibrationError, 4),
      ])
    }
    return table.text
  }

  private func percent(_ share: Double) -> String { decimals(100 * share, 1) }
}
