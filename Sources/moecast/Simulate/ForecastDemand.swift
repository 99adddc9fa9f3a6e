import Demand
import Prequential

/// What one forecast expected of batches of one size, against what they asked for.
struct ForecastDemand {
  /// The forecast's name.
  let forecast: String
  /// Where what it has learnt comes from; nil where it learns nothing, or only from the batches.
  let source: String?
  /// MoE layers between what is known and what is forecast; 0 for the same layer of the next step.
  let layersAhead: Int
  let batch: Int
  /// Of the queue of requests; nil where none are drawn.
  let seed: UInt64?
  /// Distinct tokens in a batch, on average.
  let distinctTokens: Double
  /// Requests of the traces, and those of them that filled the batches scored.
  let poolRequests: Int
  let poolRequestsUsed: Int
  let report: DemandReport

  /// The columns of `simulate demand`; what a figure would be, were the forecast right, stands in
  /// brackets behind it.
  static let columns: [Column<Self>] = [
    Column("forecast", "forecast", isText: true) {
      .text($0.forecast)
    } shown: {
      $0.forecast + ($0.source.map { ", " + $0 } ?? "")
    },
    .text("forecast_source") { $0.source },
    Column("layers_ahead", "of", isText: true) {
      .integer($0.layersAhead)
    } shown: { row in
      switch row.layersAhead {
      case 0: "next step"
      case 1: "1 layer ahead"
      case let layers: "\(layers) layers ahead"
      }
    },
    .integer("batch", "batch") { $0.batch },
    .integer("seed") { $0.seed.map { Int(clamping: $0) } },
    .number("distinct_tokens", "distinct", places: 0) { $0.distinctTokens },
    .integer("pool_requests") { $0.poolRequests },
    .integer("pool_requests_used", "requests") { $0.poolRequestsUsed },
    .figure(
      "load_error", "misplaced %", times: 100, places: 1, { $0.report.loadError },
      ifRight: { $0.report.loadErrorIfRight }),
    .number("load_error_if_right") { $0.report.loadErrorIfRight },
    .number("need_threshold") { _ in DemandReport.threshold },
    .number("precision", "precision %", times: 100) { $0.report.precision },
    .number("recall", "recall %", times: 100) { $0.report.recall },
    .figure(
      "f1", "F1 %", times: 100, places: 1, { $0.report.f1 }, ifRight: { $0.report.f1IfRight }),
    .number("f1_if_right") { $0.report.f1IfRight },
    .figure(
      "brier", "Brier", times: 1, places: 4, { $0.report.calibration.brier },
      ifRight: { $0.report.calibration.brierIfRight }),
    .number("brier_if_right") { $0.report.calibration.brierIfRight },
    .number("calibration_error", "off by", places: 4) { $0.report.calibration.error },
    Column("calibration", nil, isNested: true) { row in
      // Needs within one tenth each.
      .list(
        row.report.calibration.bins.map { bin in
          .object([
            "count": .integer(bin.count), "forecast": .number(bin.forecast),
            "share": .number(bin.share),
          ])
        })
    },
  ]
}

extension Column<ForecastDemand> {
  /// A figure behind which people see in brackets what it would be, were the forecast right.
  fileprivate static func figure(
    _ key: String, _ heading: String, times scale: Double, places: Int,
    _ figure: @escaping @Sendable (Row) -> Double, ifRight: @escaping @Sendable (Row) -> Double
  ) -> Self {
    Self(
      key, heading, value: { .number(figure($0)) },
      shown: { row in
        decimals(scale * figure(row), places)
          + " (" + decimals(scale * ifRight(row), places) + ")"
      })
  }
}
