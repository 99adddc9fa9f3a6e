/// How well one predictor forecast, as a line of the tables of `train`, `evaluate`, `inspect` and
/// `merge`.
struct PredictorAccuracy {
  /// The stage of the events; nil for all of them.
  var stage: String?
  var predictor: String
  /// n: the share of chosen experts among the n best.
  var recall: [String: Double]
  var logLossBits: Double?

  /// The columns behind that of the stage.
  ///
  /// - Parameter ns: the n of the recall that people see.
  static func columns(recallAt ns: [Int]) -> [Column<Self>] {
    [
      .text("predictor", "predictor") { $0.predictor },
      Column("recall", nil, isNested: true) { .object($0.recall.mapValues { .number($0) }) },
    ]
      + ns.map { n in .number(nil, "recall@\(n)", places: 4) { $0.recall["\(n)"] } }
      + [.number("log_loss_bits", "log loss, bits", places: 3) { $0.logLossBits }]
  }
}

extension Column<PredictorAccuracy> {
  /// The stage, where a table has lines of several.
  static var stage: Self { .text("stage", "stage") { $0.stage } }
}
